/* SPDX-License-Identifier: MIT */
#include "reader/check/report_escape.h"

#include "reader/format.h"
#include "tests/unit/tap.h"

typedef void escaper(FILE *out, enum escape language, const char *text);

static char *escaped(escaper *escape, enum escape language, const char *text)
{
	char *result = NULL;
	size_t length;
	FILE *out = open_memstream(&result, &length);

	escape(out, language, text);
	fclose(out);
	return result;
}

static void becomes(escaper *escape, enum escape language, const char *text,
		    const char *want)
{
	char *got = escaped(escape, language, text);

	is_str(got, want, "language %d", (int)language);
	free(got);
}

static void test_languages(void)
{
	becomes(escape_foreign, ESCAPE_TERMINAL, "a<b>'\"&\033[31m\n",
		"a<b>'\"&\\x1b[31m\\x0a");
	becomes(escape_foreign, ESCAPE_SHELL, "it's $HOME", "it'\\''s $HOME");
	becomes(escape_foreign, ESCAPE_MARKUP, "]]><a href=\"x\">&'",
		"]]&gt;&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
	becomes(escape_foreign, ESCAPE_MARKDOWN, "a|b `c` [d](http://e.f) @g",
		"a&#124;b &#96;c&#96; &#91;d&#93;&#40;http&#58;//e&#46;f"
		"&#41; &#64;g");
	becomes(escape_foreign, ESCAPE_GITHUB, "50%\r\n::error::x",
		"50%25\\x0d\\x0a::error::x");
	becomes(escape_foreign, ESCAPE_GITHUB_PROPERTY, "a:b,c%",
		"a%3Ab%2Cc%25");
}

/* A backslash of ours is meant, one from outside might pretend to be. */
static void test_own(void)
{
	becomes(escape_foreign, ESCAPE_TERMINAL, "\\x41", "\\x5cx41");
	becomes(escape_own, ESCAPE_TERMINAL, "\\x41\ta\nb", "\\x41\ta\nb");
	becomes(escape_own, ESCAPE_MARKUP, "a\n<b", "a\n&lt;b");
	becomes(escape_own, ESCAPE_GITHUB, "a\r\nb", "a\\x0d%0Ab");
	becomes(escape_own, ESCAPE_TERMINAL, "a\033[2Jb", "a\\x1b[2Jb");
}

static void test_unicode(void)
{
	becomes(escape_foreign, ESCAPE_MARKUP, "gr\xc3\xbc\xc3\x9f",
		"gr\xc3\xbc\xc3\x9f");
	becomes(escape_foreign, ESCAPE_MARKUP, "a\xff\xc3", "a\\xff\\xc3");
	becomes(escape_foreign, ESCAPE_MARKUP, "\xed\xa0\x80", "\\xed\\xa0\\x80");
	/* U+202E turns the reading direction, U+FFFE is no XML. */
	becomes(escape_foreign, ESCAPE_MARKUP, "\xe2\x80\xae", "\\xe2\\x80\\xae");
	becomes(escape_foreign, ESCAPE_MARKUP, "\xef\xbf\xbe", "\\xef\\xbf\\xbe");
	becomes(escape_own, ESCAPE_MARKUP, "\xef\xbf\xbf", "\\xef\\xbf\\xbf");
	becomes(escape_foreign, ESCAPE_MARKUP, "", "");
}

/* Printable UTF-8 alone, and none of the bytes that act. */
static bool is_harmless(const char *text, const char *acting)
{
	while (*text) {
		uint32_t code;
		unsigned length = format_utf8(text, &code);

		if (!length || code < 0x20 || code == 0x7f ||
		    (code < 0x80 && strchr(acting, (int)code)))
			return false;
		text += length;
	}
	return true;
}

static void test_every_byte(void)
{
	static const char *const acting[ESCAPES] = {
		[ESCAPE_TERMINAL] = "", [ESCAPE_SHELL] = "",
		[ESCAPE_MARKUP] = "<>\"'", [ESCAPE_MARKDOWN] = "<>`*_[]()|~!@",
		[ESCAPE_GITHUB] = "\r\n", [ESCAPE_GITHUB_PROPERTY] = "\r\n:,",
	};

	for (int language = 0; language < ESCAPES; language++)
		for (int byte = 1; byte < 256; byte++) {
			const char text[] = { 'a', (char)byte, 'b', '\0' };
			char *got = escaped(escape_foreign,
					    (enum escape)language, text);

			ok(is_harmless(got, acting[language]) &&
			   got[0] == 'a' && got[strlen(got) - 1] == 'b',
			   "byte %d in language %d", byte, language);
			free(got);
		}
}

int main(void)
{
	RUN(test_languages());
	RUN(test_own());
	RUN(test_unicode());
	RUN(test_every_byte());
	return done();
}
