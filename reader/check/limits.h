/* SPDX-License-Identifier: MIT */
#ifndef READER_CHECK_LIMITS_H
#define READER_CHECK_LIMITS_H
/*
 * Limits on the figures of one process, and its comparison with a baseline:
 * the part of judge.h that is no trend. Pure, as that is.
 */
#include "reader/check/judge.h"

/*
 * Compares with every limit there is, after the series were judged: growth
 * that the baseline has, too, is accepted. `room` holds CHECK_LIMITS_MAX and
 * becomes the process's limits. To add a limit: a member of struct
 * check_rules, a function in limits.c and an option.
 */
void check_apply_limits(const struct check_rules *rules,
			struct check_process *p, struct check_limit *room);

/* Growth that was allowed for is none: PASS, for that reason. */
void check_accept(struct check_series *s, const char *reason);

/* How the trend of a series is judged. */
struct trend_rules check_trend_rules(const struct check_rules *rules,
				     enum check_series_id id);

#endif /* READER_CHECK_LIMITS_H */
