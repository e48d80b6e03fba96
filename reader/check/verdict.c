/* SPDX-License-Identifier: MIT */
#include "reader/check/verdict.h"

const char *check_verdict_name(enum check_verdict verdict)
{
	static const char *const names[CHECK_VERDICTS] = {
		[CHECK_PASS] = "PASS",
		[CHECK_PLATEAU] = "PLATEAU",
		[CHECK_STEP] = "STEP",
		[CHECK_GROWTH] = "GROWTH",
		[CHECK_LIMIT] = "LIMIT BROKEN",
		[CHECK_INCONCLUSIVE] = "INCONCLUSIVE",
		[CHECK_NOT_OBSERVED] = "NOT OBSERVED",
	};

	return names[verdict];
}

const char *check_per_name(enum check_per per)
{
	static const char *const names[CHECK_PERS] = {
		[CHECK_PER_SECOND] = "second",
		[CHECK_PER_HOUR] = "hour",
		[CHECK_PER_DAY] = "day",
		[CHECK_PER_ITERATION] = "iteration",
	};

	return names[per];
}

bool check_is_warning(enum check_verdict verdict)
{
	return verdict == CHECK_PLATEAU || verdict == CHECK_STEP;
}

/* The higher decides. */
static int weight(enum check_verdict verdict)
{
	static const int weights[CHECK_VERDICTS] = {
		[CHECK_PASS] = 0,
		[CHECK_PLATEAU] = 1,
		[CHECK_STEP] = 2,
		[CHECK_INCONCLUSIVE] = 3,
		[CHECK_NOT_OBSERVED] = 4,
		[CHECK_LIMIT] = 5,
		[CHECK_GROWTH] = 6,
	};

	return weights[verdict];
}

enum check_verdict check_worse(enum check_verdict a, enum check_verdict b)
{
	return weight(a) >= weight(b) ? a : b;
}
