/* conf_include.c - files that a settings file includes. */
#include "conf_fixture.h"

#include <sys/stat.h>

static char made[16][96]; /* files and folders, to be removed in the opposite order */
static size_t made_n;

static const char *
path_of(const char *name)
{
	static char whole[96];

	(void)snprintf(whole, sizeof whole, "%s/%s", dir, name);
	return whole;
}

static void
folder(const char *name)
{
	cr_assert_eq(mkdir(path_of(name), 0700), 0);
	(void)strcpy(made[made_n++], path_of(name));
}

static void
file(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	cr_assert_not_null(f);
	cr_assert_geq(fputs(text, f), 0);
	cr_assert_eq(fclose(f), 0);
	(void)strcpy(made[made_n++], path_of(name));
}

static void
begin(void)
{
	accepts("", ""); /* which makes the folder */
}

static void
end(void)
{
	while (made_n > 0)
		(void)remove(made[--made_n]);
	clean();
}

TestSuite(conf_include, .init = begin, .fini = end);

Test(conf_include, a_file_is_read_where_it_is_included)
{
	file("more", "workers = 7 color = red\n");
	accepts("", "mode = 0640\ninclude \"more\"\nlisten = :1");
	cr_expect_eq(s.workers, 7);
	cr_expect_eq(s.mode, 0640);
	cr_expect_str_eq(m.color, "red");
	cr_expect_str_eq(s.listen, ":1");
	accepts("--workers 5", "include more");
	cr_expect_eq(s.workers, 5);
}

Test(conf_include, an_absolute_path_is_taken_as_it_is)
{
	char text[128];

	file("more", "workers = 7");
	(void)snprintf(text, sizeof text, "include '%s'", path_of("more"));
	accepts("", text);
	cr_expect_eq(s.workers, 7);
}

Test(conf_include, a_folder_gives_its_conf_files_in_the_order_of_their_names)
{
	folder("conf.d");
	accepts("", "include \"conf.d\"");
	file("conf.d/20-b.conf", "room = 1 workers = y\n");
	file("conf.d/10-a.conf", "workers = x\n");
	file("conf.d/10-a.conf~", "workers = z\n");
	file("conf.d/.hidden.conf", "workers = z\n");
	refuses("", "\ninclude \"conf.d\"",
		"DIR/conf.d/10-a.conf:1: workers: \"x\" is not a number\n"
		"DIR/conf.d/20-b.conf:1: room: no such key\n"
		"DIR/conf.d/20-b.conf:1: workers: given in DIR/conf.d/10-a.conf:1 already");
}

Test(conf_include, a_pattern_gives_what_it_matches)
{
	folder("conf.d");
	accepts("", "include \"conf.d/*.x\"");
	file("conf.d/a.x", "workers = 7");
	file("conf.d/b.y", "workers = no");
	accepts("", "include \"conf.d/*.x\"");
	cr_expect_eq(s.workers, 7);
	accepts("", "include \"c*.d/[a].?\"");
	cr_expect_eq(s.workers, 7);
	refuses("", "include \"nowhere/*.x\"",
		"FILE:1: include: DIR/nowhere/*.x: No such file or directory");
}

Test(conf_include, a_folder_whose_name_looks_like_a_pattern_is_itself)
{
	folder("[a]*");
	file("[a]*/x.conf", "include \"y\"");
	file("[a]*/y", "include \"z*\"");
	file("[a]*/zz", "workers = 7");
	accepts("", "include \"[a]*\"");
	cr_expect_eq(s.workers, 7);
}

Test(conf_include, paths_are_seen_from_the_including_file)
{
	folder("sub");
	file("sub/one", "include \"two\"");
	file("sub/two", "workers = 7");
	accepts("", "include \"sub/one\"");
	cr_expect_eq(s.workers, 7);
}

Test(conf_include, a_missing_file_is_told_where_it_is_named)
{
	refuses("", "\ninclude \"nowhere.conf\"\nworkers = x",
		"FILE:2: include: DIR/nowhere.conf: No such file or directory\n"
		"FILE:3: workers: \"x\" is not a number");
}

Test(conf_include, a_file_does_not_include_itself)
{
	file("one", "include \"two\"");
	file("two", "workers = 3\n\ninclude \"one\"");
	refuses("", "include \"one\"", "DIR/two:3: include: DIR/one: it would include itself");
	refuses("", "include \"f\"", "FILE:1: include: FILE: it would include itself");
}

Test(conf_include, there_is_an_end_to_the_depth)
{
	char name[] = "A", text[] = "include \"B\"";

	for (char c = 'A'; c < 'I'; c++) {
		name[0] = c;
		text[9] = (char)(c + 1);
		file(name, text);
	}
	file("I", "workers = 7");
	refuses("", "include \"A\"", "DIR/H:1: include: DIR/I: more than 8 files deep");
	accepts("", "include \"B\"");
	cr_expect_eq(s.workers, 7);
}

Test(conf_include, what_is_open_ends_with_its_file)
{
	file("more", "networks = { a,");
	refuses("", "include \"more\"\nnetworks = b }",
		"DIR/more:1: a { that is never closed\nFILE:2: a key is missing before }");
}

Test(conf_include, sections_may_stand_in_several_files)
{
	char blue[] = "blue";

	used = WITH_ROOMS;
	file("more", "room \"blue\" { chairs = 7 }");
	accepts("", "chairs = 5\ninclude \"more\"\nroom \"red\" {}");
	cr_expect_eq(rooms.n, 2);
	cr_expect_eq(((struct room *)conf_section_find(&rooms, blue, 4)->settings)->chairs, 7);
	refuses("", "include \"more\"\nroom \"blue\" {}",
		"FILE:2: room \"blue\": given already in DIR/more:1");
	refuses("", "room \"red\" {\ninclude \"more\"\n}",
		"FILE:2: include: it stands outside of sections");
}

Test(conf_include, include_is_no_key)
{
	refuses("", "include = \"more\"", "FILE:1: include: no such key");
	cr_expect_eq(load("", "include(\"/etc/passwd\")"), -1);
}
