/* secret_file: lines of words, told with their numbers. */
#include "secret_file.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char *said;
static size_t said_n;
static struct count {
	unsigned lines, words, last;
} got;

static int
take(const struct secret_file_line *l, void *ctx, FILE *err)
{
	struct count *g = ctx;

	g->lines++;
	g->words += (unsigned)l->n;
	g->last = l->number;
	return strcmp(l->word[0], "bad") == 0 ? secret_file_wrong(l, err, "%s line", l->word[0])
					      : 0;
}

static int
parse(struct span text)
{
	FILE *err = open_memstream(&said, &said_n);
	int rc;

	got = (struct count){0, 0, 0};
	rc = secret_file_parse("file", text, take, &got, err);
	cr_assert_eq(fclose(err), 0);
	return rc;
}

Test(secretfile, blanks_comments_and_empty_lines_count_for_nothing)
{
	cr_assert_eq(parse(span_str("one two # three\n\n# nothing\n   \t\r\n\tfour\r\nfive")), 0,
		     "%s", said);
	cr_assert_eq(got.lines, 3);
	cr_assert_eq(got.words, 4);
	cr_assert_eq(got.last, 6);
	free(said);
	cr_assert_eq(parse(span_of(NULL, 0)), 0);
	cr_assert_eq(got.lines, 0);
	free(said);
}

Test(secretfile, a_byte_order_mark_is_passed_over)
{
	cr_assert_eq(parse(span_str("\xef\xbb\xbf"
				    "bad\n")),
		     -1);
	cr_assert_str_eq(said, "file:1: bad line\n");
	free(said);
	cr_assert_eq(parse(span_str("\xef\xbb\xbf")), 0);
	cr_assert_eq(got.lines, 0);
	free(said);
}

Test(secretfile, every_wrong_line_is_told)
{
	cr_assert_eq(parse(span_str("bad\ngood\nbad\n")), -1);
	cr_assert_str_eq(said, "file:1: bad line\nfile:3: bad line\n");
	cr_assert_eq(got.lines, 3);
	free(said);
}

Test(secretfile, a_nul_byte_or_too_many_words_are_wrong)
{
	char many[3 * SECRET_FILE_WORDS];
	size_t n = 0;

	cr_assert_eq(parse(span_of("a\0b\nc", 5)), -1);
	cr_assert_str_eq(said, "file:1: a NUL byte\n");
	free(said);
	for (int i = 0; i < SECRET_FILE_WORDS; i++, n += 2)
		memcpy(many + n, "w ", 2);
	cr_assert_eq(parse(span_of(many, n)), 0);
	cr_assert_eq(got.words, SECRET_FILE_WORDS);
	free(said);
	many[n] = 'w';
	cr_assert_eq(parse(span_of(many, n + 1)), -1);
	cr_assert_str_eq(said, "file:1: more than 64 words\n");
	free(said);
}
