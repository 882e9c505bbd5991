/* conf_section.c - titled sections of the settings file: what holds in them, and their errors. */
#include "conf_fixture.h"

static void
with_rooms(void)
{
	used = WITH_ROOMS;
}

TestSuite(conf_section, .init = with_rooms, .fini = clean);

static const struct room *
room(const char *title)
{
	const struct conf_section *found = conf_section_find(&rooms, title, strlen(title));

	cr_assert_not_null(found, "%s", title);
	return found->settings;
}

Test(conf_section, a_section_has_its_own_values_and_else_those_of_the_top)
{
	accepts("", "room \"blue\" { chairs = 7  guests = { a, b } }\n"
		    "chairs = 5 pause = 2s guests = c\n"
		    "room red {\n\tpause = 1s # soon\n\tfloor = \"stone\"\n}\n");
	cr_expect_eq(rooms.n, 2);
	cr_expect_eq(any_room.chairs, 5);
	cr_expect_eq(room("blue")->chairs, 7);
	cr_expect_eq(room("blue")->pause, 2000);
	cr_expect_str_eq(room("blue")->floor, "wood");
	cr_expect_eq(room("blue")->guests.n, 2);
	cr_expect_eq(room("red")->chairs, 5);
	cr_expect_eq(room("red")->pause, 1000);
	cr_expect_str_eq(room("red")->floor, "stone");
	cr_expect_eq(room("red")->guests.n, 1);
	cr_expect_str_eq(room("red")->guests.item[0], "c");
	cr_expect_null(conf_section_find(&rooms, "re", 2));
	cr_expect_null(conf_section_find(&rooms, "redd", 4));
	cr_expect_not_null(conf_section_find(&rooms, "redd", 3));
}

Test(conf_section, the_command_line_overrules_the_top_and_no_section)
{
	accepts("--chairs 9 --every-floor cork",
		"chairs = 5\nroom \"a\" { chairs = 7 }\nroom b {}");
	cr_expect_eq(room("a")->chairs, 7);
	cr_expect_eq(room("b")->chairs, 9);
	cr_expect_str_eq(room("a")->floor, "cork");
}

Test(conf_section, what_is_given_in_it_is_told_from_what_it_has_from_the_top)
{
	const struct conf_section *a;

	accepts("", "chairs = 7\nroom \"a\" { chairs = 7 }");
	a = conf_section_find(&rooms, "a", 1);
	cr_expect(conf_section_gives(&rooms, a, offsetof(struct room, chairs)));
	cr_expect_not(conf_section_gives(&rooms, a, offsetof(struct room, pause)));
}

Test(conf_section, a_key_that_does_not_belong_into_it_is_told)
{
	refuses("", "room \"a\" {\n\tworkers = 3\n\tchiars = 3\n\tevery_floor = x\n}\n",
		"FILE:2: workers: it cannot differ by room, and stands outside of sections\n"
		"FILE:3: chiars: no such key of a room (did you mean chairs?)\n"
		"FILE:4: every_floor: it cannot differ by room, and stands outside of sections");
	refuses("", "room \"red\" {\n\twheels = 4\n}\n",
		"FILE:2: wheels: no such key here; it is a key of car");
	refuses("", "floor = x\n", "FILE:1: floor: no such key");
}

Test(conf_section, a_bad_value_in_it_is_told_with_its_line)
{
	refuses("", "room \"a\" {\n\tchairs = 101\n\tpause = soon\n\tguests = {b, everywhere}\n}",
		"FILE:2: chairs: \"101\" is not within 0 to 100\n"
		"FILE:3: pause: \"soon\" is not a duration (250ms, 10s, 5m, 1h)\n"
		"FILE:4: guests: \"everywhere\": not a network");
}

Test(conf_section, a_title_is_needed_good_and_its_own)
{
	refuses("", "room { chairs = 3 }\nworkers = x",
		"FILE:1: room: a section is room \"...\" { key = value ... }\n"
		"FILE:2: workers: \"x\" is not a number");
	refuses("", "room \"\" {}", "FILE:1: room \"\": the title is empty");
	refuses("", "room \"123456789\" {}",
		"FILE:1: room \"123456789\": a room's name has at most 8 bytes");
	refuses("", "room \"a\" {}\nroom \"b\" { chairs = 1 }\nroom a { chairs = 2 chairs = x }",
		"FILE:3: room \"a\": given already in FILE:1");
	refuses("", "room = 3", "FILE:1: room: no such key");
	refuses("", "hall \"a\" { chairs = 3 }",
		"FILE:1: hall: = and a value are missing (white space in a value needs quotes)");
}

Test(conf_section, a_key_given_twice_in_it_is_told)
{
	accepts("", "chairs = 1 room \"a\" { chairs = 2 } room \"b\" { chairs = 3 }");
	refuses("", "room \"a\" { chairs = 2\n chairs = 3 }",
		"FILE:2: chairs: given in line 1 already");
}

Test(conf_section, what_is_never_closed_is_told_where_it_opens)
{
	refuses("", "\nroom \"a\" {\nchairs = 3\n", "FILE:2: a { that is never closed");
	refuses("", "room \"a\" { chairs = 3 }\n}\n", "FILE:2: a key is missing before }");
	refuses("", "room \"a\" {\nroom \"b\" { chairs = 3 }\n}\n",
		"FILE:2: room: a section cannot stand in another");
}

Test(conf_section, a_list_by_title_is_told_what_to_write)
{
	refuses("", "chairs = { 5, \"red=7\" }",
		"FILE:1: chairs: one value is wanted, not a list; a value for one room stands in a "
		"section of the file: room \"red\" { chairs = 7 }");
	refuses("", "every_floor = { \"wood\", \"cork\" }",
		"FILE:1: every_floor: one value is wanted, not a list; a value for one room stands in a "
		"section of the file: room \"...\" { floor = cork }");
	refuses("", "guests = { a, \"red=everywhere\", everywhere }",
		"FILE:1: guests: \"everywhere\": not a network; a value for one room stands in a "
		"section of the file: room \"red\" { guests = everywhere }");
	refuses("--chairs red=7", NULL,
		"--chairs: \"red=7\" is not a number; a value for one room stands in a "
		"section of the file: room \"red\" { chairs = 7 }");
	refuses("", "workers = { 1, \"red=7\" }",
		"FILE:1: workers: one value is wanted, not a list");
}

Test(conf_section, sections_are_shown_so_that_they_read_back_to_the_same)
{
	static const char sections[] =
		"\nroom \"b\\\"c\" {\n}\n"
		"\nroom \"red\" {\n\tchairs = 7\n\tfloor = \"x y\"\n\tguests = { \"a\" }\n}\n";
	char *text, *again;
	size_t size;
	FILE *out;

	accepts("", "room red { guests = a floor = 'x y' chairs = 7 }\nroom 'b\"c' {}");
	out = open_memstream(&text, &size);
	conf_show(tables, used, out);
	cr_assert_eq(fclose(out), 0);
	cr_expect_str_eq(strstr(text, "\nroom "), sections);
	accepts("", text);
	out = open_memstream(&again, &size);
	conf_show(tables, used, out);
	cr_assert_eq(fclose(out), 0);
	cr_expect_str_eq(again, text);
	free(text);
	free(again);
}

Test(conf_section, a_program_without_sections_knows_none)
{
	conf_free(tables, used);
	used = TABLES;
	refuses("", "room \"a\" { workers = 3 }\nmode = 9",
		"FILE:1: room: = and a value are missing (white space in a value needs quotes)\n"
		"FILE:2: mode: \"9\" is not a file mode (0600)");
}

/* ---- sections with keys of their own ---- */

static const struct door *
door(const char *title)
{
	const struct conf_section *found = conf_section_find(&doors, title, strlen(title));

	cr_assert_not_null(found, "%s", title);
	return found->settings;
}

static void
with_doors(void)
{
	conf_free(tables, used);
	used = WITH_DOORS;
}

Test(conf_section, keys_of_their_own_may_have_the_names_of_others)
{
	with_doors();
	accepts("", "door \"a\" { chairs = 2 }\nchairs = 9\nroom \"a\" { chairs = 8 }\n"
		    "door b { lock = none }");
	cr_expect_eq(doors.n, 2);
	cr_expect_eq(door("a")->chairs, 2);
	cr_expect_str_eq(door("a")->lock, "bolt", "its default");
	cr_expect_eq(door("b")->chairs, 1, "its default, and not what stands outside");
	cr_expect_str_eq(door("b")->lock, "none");
	cr_expect_eq(room("a")->chairs, 8);
	cr_expect_eq(any_room.chairs, 9);
}

Test(conf_section, keys_of_their_own_mean_nothing_outside_and_are_no_options)
{
	with_doors();
	refuses("", "lock = none", "FILE:1: lock: no such key");
	refuses("--lock none", NULL, "--lock: no such option");
	refuses("",
		"door \"a\" {\n\tlok = x\n\tpause = 1s\n\tchairs = 3\n\tlock = a\n\tlock = b\n}",
		"FILE:2: lok: no such key of a door (did you mean lock?)\n"
		"FILE:3: pause: no such key of a door\n"
		"FILE:4: chairs: \"3\" is not within 0 to 2\n"
		"FILE:6: lock: given in line 5 already");
	refuses("", "door \"a\" {}\ndoor a {}", "FILE:2: door \"a\": given already in FILE:1");
	refuses("", "door \"a\" {\nroom \"b\" { chairs = 3 }\n}\n",
		"FILE:2: room: a section cannot stand in another");
}

Test(conf_section, both_kinds_of_sections_are_shown)
{
	char *text;
	size_t size;
	FILE *out;

	with_doors();
	accepts("", "door a { lock = x }\nroom r { chairs = 7 }");
	out = open_memstream(&text, &size);
	conf_show(tables, used, out);
	cr_assert_eq(fclose(out), 0);
	cr_expect_str_eq(strstr(text, "\nroom "),
			 "\nroom \"r\" {\n\tchairs = 7\n}\n\ndoor \"a\" {\n\tlock = \"x\"\n}\n");
	cr_expect_null(strstr(text, "\nlock ="));
	accepts("", text);
	cr_expect_str_eq(door("a")->lock, "x");
	free(text);
}
