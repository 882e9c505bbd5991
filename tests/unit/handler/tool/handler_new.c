#include "handler_new.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* In a folder of its own. */
static char folder[] = "/tmp/handler_new.it's XXXXXX";

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *walk)
{
	(void)st, (void)flag, (void)walk;
	return remove(path);
}

static void
end(void)
{
	cr_assert_eq(nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

TestSuite(handler_new, .init = begin, .fini = end);

static int
make(const char *language, const char *name)
{
	FILE *null = fopen("/dev/null", "w");
	int status = handler_new(language, name, null, null);

	cr_assert_eq(fclose(null), 0);
	return status;
}

static void
expect_line(const char *path, const char *wanted)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	cr_assert_not_null(f, "%s", path);
	while (fgets(line, sizeof line, f) != NULL)
		if (strstr(line, wanted) != NULL) {
			(void)fclose(f);
			return;
		}
	cr_assert_fail("%s has no %s", path, wanted);
}

Test(handler_new, makes_a_program_settings_and_a_packet)
{
	struct stat st;

	cr_assert_eq(make("python", "redact"), 0);
	cr_assert_eq(stat("redact/redact", &st), 0);
	cr_assert_neq(st.st_mode & S_IXUSR, 0);
	expect_line("redact/redact.conf", "policy = \"redact\"");
	expect_line("redact/redact.conf", "handler_command = {'/tmp/handler_new.it\\'s ");
	expect_line("redact/packet.json", "\"privPoliId\":\"redact\"");
	expect_line("redact/README", "ppool-handler check -c redact.conf");
	cr_assert_eq(make("c", "upper"), 0);
	expect_line("upper/upper.c", ".name = \"upper\"");
	expect_line("upper/upper.conf", "/upper/upper.so'");
	expect_line("upper/README", "-o upper.so upper.c");
}

Test(handler_new, leaves_what_is_there)
{
	cr_assert_eq(mkdir("redact", 0700), 0);
	cr_assert_eq(make("python", "redact"), 1);
	cr_assert_eq(rmdir("redact"), 0, "nothing was put there");
}

Test(handler_new, refuses_languages_and_names_that_are_none)
{
	static const char *const names[] = {
		"",	  "-x",
		".x",	  "a/b",
		"a b",	  "a\"b",
		"@NAME@", "012345678901234567890123456789012345678901234567890123456789012"};

	cr_assert_eq(make("cobol", "redact"), 2);
	cr_assert_eq(access("redact", F_OK), -1);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		cr_assert_eq(make("sh", names[i]), 2, "%s", names[i]);
}
