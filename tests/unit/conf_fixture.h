/* conf_fixture.h - a table with a key of every type, and settings loaded from it for the conf
 * tests. */
#ifndef POLICYPOOL_TESTS_CONF_FIXTURE_H
#define POLICYPOOL_TESTS_CONF_FIXTURE_H

#include "conf.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct settings {
	bool detach;
	unsigned workers;
	uint64_t max_message;
	uint64_t stop_timeout;
	unsigned mode;
	char *listen;
	char *name;
	int level;
	struct conf_list networks;
};

struct more {
	char *color;
	bool strict;
};

/* What differs by room: its table comes last. */
struct room {
	unsigned chairs;
	uint64_t pause;
	char *floor;
	struct conf_list guests;
};

#define AT(member) offsetof(struct settings, member)

static const char *
judge_listen(const char *text)
{
	return strchr(text, ':') == NULL ? "the port is missing" : NULL;
}

static const char *
judge_network(const char *text)
{
	return strcmp(text, "everywhere") == 0 ? "not a network" : NULL;
}

static const char *const levels[] = {"error", "warn", "info", NULL};

static const struct conf_key keys[] = {
	{.name = "detach",
	 .letter = 'd',
	 .type = CONF_BOOL,
	 .offset = AT(detach),
	 .fallback = "no",
	 .help = "go to the background"},
	{.name = "workers",
	 .type = CONF_INT,
	 .offset = AT(workers),
	 .fallback = "2",
	 .min = 1,
	 .max = 512,
	 .help = "processes"},
	{.name = "max_message",
	 .type = CONF_SIZE,
	 .offset = AT(max_message),
	 .fallback = "1M",
	 .min = 1024,
	 .max = 1 << 30,
	 .help = "largest packet"},
	{.name = "stop_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(stop_timeout),
	 .fallback = "10s",
	 .min = 10,
	 .max = 3600000,
	 .help = "time to stop"},
	{.name = "mode",
	 .type = CONF_MODE,
	 .offset = AT(mode),
	 .fallback = "0600",
	 .help = "of the socket"},
	{.name = "listen",
	 .original = "port",
	 .type = CONF_TEXT,
	 .offset = AT(listen),
	 .fallback = ":2100",
	 .max = 64,
	 .judge = judge_listen,
	 .help = "where to serve"},
	{.name = "name",
	 .type = CONF_TEXT,
	 .offset = AT(name),
	 .min = 2,
	 .max = 5,
	 .help = "what it is called"},
	{.name = "log_level",
	 .type = CONF_CHOICE,
	 .offset = AT(level),
	 .fallback = "info",
	 .choices = levels,
	 .help = "how much is told"},
	{.name = "networks",
	 .type = CONF_LIST,
	 .offset = AT(networks),
	 .fallback = "10.0.0.0/8, ::1",
	 .judge = judge_network,
	 .help = "who may come"},
};

static const struct conf_key more_keys[] = {
	{.name = "color",
	 .type = CONF_TEXT,
	 .offset = offsetof(struct more, color),
	 .fallback = "blue",
	 .help = "of the paint"},
	{.name = "strict",
	 .original = "strict",
	 .type = CONF_BOOL,
	 .offset = offsetof(struct more, strict),
	 .help = "be strict"},
};

static const struct conf_key room_keys[] = {
	{.name = "chairs",
	 .type = CONF_INT,
	 .offset = offsetof(struct room, chairs),
	 .fallback = "4",
	 .max = 100,
	 .help = "to sit on"},
	{.name = "pause",
	 .type = CONF_DURATION,
	 .offset = offsetof(struct room, pause),
	 .fallback = "3s",
	 .max = 60000,
	 .help = "between two"},
	{.name = "every_floor",
	 .in_section = "floor",
	 .type = CONF_TEXT,
	 .offset = offsetof(struct room, floor),
	 .fallback = "wood",
	 .help = "what is walked on"},
	{.name = "guests",
	 .type = CONF_LIST,
	 .offset = offsetof(struct room, guests),
	 .judge = judge_network,
	 .help = "who may come in"},
};

struct door {
	unsigned chairs; /* that hold it open */
	char *lock;
};

static const struct conf_key door_keys[] = {
	{.name = "chairs",
	 .type = CONF_INT,
	 .offset = offsetof(struct door, chairs),
	 .fallback = "1",
	 .max = 2,
	 .help = "that hold it open"},
	{.name = "lock",
	 .type = CONF_TEXT,
	 .offset = offsetof(struct door, lock),
	 .fallback = "bolt",
	 .help = "what closes it"},
};

static const char *
judge_title(const char *title)
{
	return strlen(title) > 8 ? "a room's name has at most 8 bytes" : NULL;
}

static struct settings s;
static struct room any_room;
static struct conf_sections rooms = {
	.word = "room", .size = sizeof(struct room), .judge = judge_title};
static struct door any_door;
static struct conf_sections doors = {
	.word = "door", .alone = true, .size = sizeof(struct door), .judge = judge_title};
static struct more m;
static const struct conf_elsewhere elsewhere[] = {
	{"wheels", "car"}, {"workers", "car"}, {"top_speed", "car"}, {NULL, NULL}};

static const struct conf_table tables[] = {
	{keys, sizeof keys / sizeof *keys, &s, "one", NULL, NULL, elsewhere},
	{more_keys, sizeof more_keys / sizeof *more_keys, &m, "the other", NULL, NULL, NULL},
	{room_keys, sizeof room_keys / sizeof *room_keys, &any_room, "rooms", &rooms, NULL, NULL},
	{door_keys, sizeof door_keys / sizeof *door_keys, &any_door, "doors", &doors, NULL, NULL},
};
enum { TABLES = 2, WITH_ROOMS = 3, WITH_DOORS = 4, ARGS = 20 };
static size_t used = TABLES; /* of the tables */

static struct conf_command command;
static char *errors; /* of the last load(), without "program: " and where the options are listed */
static bool hinted;  /* it told where */
static char dir[] = "/tmp/conf-XXXXXX";
static char path[64]; /* the settings file */

static void
strip_errors(void)
{
	static const char hint[] = "program: try program --help\n", prefix[] = "program: ";
	char *at = strstr(errors, hint);

	hinted = at != NULL;
	if (at != NULL)
		memmove(at, at + strlen(hint), strlen(at + strlen(hint)) + 1);
	while ((at = strstr(errors, prefix)) != NULL)
		memmove(at, at + strlen(prefix), strlen(at + strlen(prefix)) + 1);
}

/* Loads anew: words is the command line, cut at blanks; file_text the file named by -c, or NULL. */
static int
load(const char *words, const char *file_text)
{
	static char line[1024];
	static char program[] = "program", c[] = "-c";
	char *argv[ARGS] = {program};
	int argc = 1;
	size_t size;
	FILE *err;
	int r;

	conf_free(tables, used);
	memset(&s, 0, sizeof s);
	memset(&m, 0, sizeof m);
	memset(&any_room, 0, sizeof any_room);
	memset(&any_door, 0, sizeof any_door);
	if (file_text != NULL) {
		FILE *f;

		if (path[0] == '\0') {
			cr_assert_not_null(mkdtemp(dir));
			(void)snprintf(path, sizeof path, "%s/f", dir);
		}
		f = fopen(path, "w");
		cr_assert_not_null(f);
		cr_assert_eq(fputs(file_text, f) >= 0, 1);
		cr_assert_eq(fclose(f), 0);
		argv[argc++] = c;
		argv[argc++] = path;
	}
	(void)snprintf(line, sizeof line, "%s", words);
	for (char *p = line, *word; (word = strsep(&p, " ")) != NULL;)
		if (word[0] != '\0') {
			cr_assert_lt(argc, ARGS);
			argv[argc++] = word;
		}
	free(errors);
	err = open_memstream(&errors, &size);
	r = conf_load(tables, used, argc, argv, NULL, &command, err);
	cr_assert_eq(fclose(err), 0);
	strip_errors();
	return r;
}

static void
clean(void)
{
	conf_free(tables, used);
	free(errors);
	if (path[0] != '\0') {
		(void)unlink(path);
		(void)rmdir(dir);
	}
}

/* Expects the load to fail with just this message, FILE standing for the file's path, DIR for its
 * folder's. */
static void
refuses(const char *words, const char *file_text, const char *message)
{
	char expected[1024] = "";

	cr_expect_eq(load(words, file_text), -1, "%s %s", words,
		     file_text != NULL ? file_text : "");
	for (const char *p = message; *p != '\0';) {
		size_t n = strlen(expected), taken = 1;
		const char *put = p;

		if (strncmp(p, "FILE", 4) == 0 || strncmp(p, "DIR", 3) == 0) {
			put = *p == 'F' ? path : dir;
			taken = *p == 'F' ? 4 : 3;
		}
		(void)snprintf(expected + n, sizeof expected - n, "%.*s",
			       put == p ? 1 : (int)strlen(put), put);
		p += taken;
	}
	(void)strcat(expected, "\n");
	cr_expect_str_eq(errors, expected, "got: %swant: %s", errors, expected);
}

static void
accepts(const char *words, const char *file_text)
{
	cr_expect_eq(load(words, file_text), 0, "%s", errors);
	cr_expect_str_eq(errors, "");
}

#endif
