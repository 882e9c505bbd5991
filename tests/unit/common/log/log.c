/* log: lines in logfmt and JSON, to a file, and to readers that do not read. */
#include "log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/log-test-XXXXXX";
static char path[64];
static char text[65536];

static void
open_folder(void)
{
	cr_assert_not_null(mkdtemp(dir));
	(void)snprintf(path, sizeof path, "%s/log", dir);
}

static void
close_folder(void)
{
	log_close();
	(void)unlink(path);
	(void)rmdir(dir);
}

TestSuite(log, .init = open_folder, .fini = close_folder);

static void
open_log(enum log_level level, bool json)
{
	struct log_options o = {.program = "prog", .target = path, .level = level, .json = json};

	cr_assert_eq(log_open(&o), 0);
}

/* The file's text. */
static const char *
logged(void)
{
	FILE *f = fopen(path, "r");
	size_t n;

	cr_assert_not_null(f);
	n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

static const char *
json_text(struct json_object *o, const char *key)
{
	struct json_object *v;

	cr_assert(json_object_object_get_ex(o, key, &v), "no %s", key);
	return json_object_get_string(v);
}

Test(log, a_line_of_logfmt_has_all_its_parts)
{
	char wanted[64];

	open_log(LOG_INFO, false);
	log_event(LOG_WARN, "server joined", "id=%s port=%u", "100", 2105u);
	(void)snprintf(wanted, sizeof wanted, " level=warn prog=prog pid=%d ", (int)getpid());
	cr_assert_not_null(strstr(logged(), wanted), "%s", text);
	cr_assert_eq(strncmp(text, "time=2", 6), 0);
	cr_assert_not_null(strstr(text, " msg=\"server joined\" id=100 port=2105\n"), "%s", text);
}

Test(log, levels_below_the_wanted_one_are_left_out)
{
	open_log(LOG_WARN, false);
	cr_assert(log_wants(LOG_ERROR) && log_wants(LOG_WARN));
	cr_assert(!log_wants(LOG_INFO) && !log_wants(LOG_VERBOSE));
	log_event(LOG_INFO, "quiet", NULL);
	cr_assert_str_empty(logged());
	log_event(LOG_ERROR, "loud", NULL);
	cr_assert_not_null(strstr(logged(), "msg=\"loud\"\n"));
}

Test(log, errno_is_told_and_kept)
{
	open_log(LOG_INFO, false);
	errno = ENOENT;
	log_errno(LOG_ERROR, "cannot open", "path=%s", "/x");
	cr_assert_eq(errno, ENOENT);
	cr_assert_not_null(strstr(logged(), " path=/x error=\"No such file or directory\"\n"), "%s",
			   text);
}

Test(log, json_lines_carry_the_same_as_logfmt)
{
	struct json_object *o;

	open_log(LOG_INFO, true);
	log_event(LOG_INFO, "odd", "id=%s n=%d zero=%s why=%s", log_quoted("a \"b\"\n=\\c"), 7,
		  "007", log_quoted(""));
	o = json_tokener_parse(logged());
	cr_assert_not_null(o, "%s", text);
	cr_assert_str_eq(json_text(o, "level"), "info");
	cr_assert_str_eq(json_text(o, "msg"), "odd");
	cr_assert_str_eq(json_text(o, "id"), "a \"b\"\n=\\c");
	cr_assert_str_eq(json_text(o, "why"), "");
	cr_assert_str_eq(json_text(o, "zero"), "007");
	cr_assert(json_object_is_type(json_object_object_get(o, "n"), json_type_int));
	cr_assert(json_object_is_type(json_object_object_get(o, "pid"), json_type_int));
	(void)json_object_put(o);
}

Test(log, a_peer_cannot_forge_a_line)
{
	open_log(LOG_INFO, false);
	log_event(LOG_INFO, "refused", "why=%s", log_quoted("x\nlevel=error msg=\"forged\"\x01"));
	(void)logged();
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "%s", text);
	cr_assert_not_null(strstr(text, "why=\"x\\x0alevel=error msg=\\\"forged\\\"\\x01\"\n"),
			   "%s", text);
}

Test(log, values_are_quoted_only_where_they_must_be)
{
	cr_assert_str_eq(log_quoted("PP_1"), "PP_1");
	cr_assert_str_eq(log_quoted("a b"), "\"a b\"");
	cr_assert_str_eq(log_quoted("a=b"), "\"a=b\"");
	cr_assert_str_eq(log_quoted(""), "\"\"");
	cr_assert_str_eq(log_quoted_n("abcdef", 3), "abc");
	cr_assert_str_eq(log_quoted("\xc3\xa9"), "\xc3\xa9");
}

Test(log, eight_quoted_values_fit_in_one_call)
{
	const char *v[8];

	for (int i = 0; i < 8; i++) {
		char s[16];
		(void)snprintf(s, sizeof s, "v %d", i);
		v[i] = log_quoted(s);
	}
	for (int i = 0; i < 8; i++)
		cr_assert_eq(v[i][3], '0' + i);
}

/* The one line logged, as strict JSON in strict UTF-8; the caller's. */
static struct json_object *
logged_json(void)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o;

	cr_assert_not_null(t);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	(void)logged();
	o = json_tokener_parse_ex(t, text, (int)strlen(text));
	cr_assert(o != NULL && json_object_is_type(o, json_type_object), "%s: %s",
		  json_tokener_error_desc(json_tokener_get_error(t)), text);
	json_tokener_free(t);
	return o;
}

Test(log, numbers_of_json_are_those_that_every_reader_holds)
{
	static const char *const number[] = {"n0", "n1", "n2"}, *const other[] = {"s0", "s1", "s2"};
	struct json_object *o;

	open_log(LOG_INFO, true);
	log_event(LOG_INFO, "m", "n0=0 n1=-12 n2=999999999999999 s0=1000000000000000 s1=1.5 s2=-");
	o = logged_json();
	for (size_t i = 0; i < 3; i++) {
		cr_assert(json_object_is_type(json_object_object_get(o, number[i]), json_type_int));
		cr_assert(
			json_object_is_type(json_object_object_get(o, other[i]), json_type_string));
	}
	cr_assert_eq(json_object_get_int(json_object_object_get(o, "n1")), -12);
	(void)json_object_put(o);
}

Test(log, backslashes_and_controls_survive_json_quoted_or_not)
{
	struct json_object *o;

	open_log(LOG_INFO, true);
	log_event(LOG_INFO, "m", "a=%s b=%s c=%s d=%s", "x\\y\\x", "1\n2\x7f",
		  log_quoted("\\x41\t\"\\"), "\"own \\q\"");
	o = logged_json();
	cr_assert_str_eq(json_text(o, "a"), "x\\y\\x");
	cr_assert_str_eq(json_text(o, "b"), "1\n2\x7f");
	cr_assert_str_eq(json_text(o, "c"), "\\x41\t\"\\");
	cr_assert_str_eq(json_text(o, "d"), "own \\q");
	(void)json_object_put(o);
}

Test(log, what_is_not_utf8_is_escaped)
{
	struct json_object *o;

	cr_assert_str_eq(log_quoted("a\xff"), "\"a\\xff\"");
	cr_assert_str_eq(log_quoted("\xc3"), "\"\\xc3\"");
	cr_assert_str_eq(log_quoted("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"");
	open_log(LOG_INFO, true);
	log_event(LOG_INFO, "m\xc3", "a=%s b=%s c=\xc3\xa9", log_quoted("\xff"), "\x80");
	o = logged_json();
	cr_assert_str_eq(json_text(o, "a"), "\xc3\xbf");
	cr_assert_str_eq(json_text(o, "b"), "\xc2\x80");
	cr_assert_str_eq(json_text(o, "c"), "\xc3\xa9");
	(void)json_object_put(o);
}

Test(log, a_control_character_in_a_plain_field_does_not_end_the_line)
{
	open_log(LOG_INFO, false);
	log_event(LOG_INFO, "m\n", "path=%s why=%s", "a\nb\x1b[2J", "\xc2\x9b");
	cr_assert_not_null(
		strstr(logged(), " msg=\"m\\x0a\" path=a\\x0ab\\x1b[2J why=\\xc2\\x9b\n"), "%s",
		text);
}

Test(log, a_value_that_is_cut_ends_with_a_whole_character)
{
	char s[300], wanted[256];

	memset(s, 'x', sizeof s);
	memcpy(s + 248, "\xe2\x82\xac", 4);
	memset(wanted, 'x', sizeof wanted);
	wanted[248] = '\0';
	cr_assert_str_eq(log_quoted(s), wanted);
	memcpy(s + 247, "\xe2\x82\xac", 4);
	memcpy(wanted + 247, "\xe2\x82\xac", 4);
	cr_assert_str_eq(log_quoted(s), wanted);
}

Test(log, json_that_is_cut_anywhere_is_still_json)
{
	static char huge[LOG_LINE + 1];
	struct json_object *o;

	open_log(LOG_INFO, true);
	memset(huge, 'x', sizeof huge - 1);
	for (size_t n = LOG_LINE - 300; n < LOG_LINE; n++) {
		cr_assert_eq(truncate(path, 0), 0);
		errno = ENOENT;
		log_errno(LOG_INFO, "m", "k=%.*s q=%s n=123456 a=\xc3\xa9", (int)n, huge,
			  log_quoted("\"quoted\" \x01"));
		o = logged_json();
		cr_assert_leq(strlen(text), LOG_LINE);
		(void)json_text(o, "msg");
		if (json_object_object_get(o, "n") != NULL)
			cr_assert_str_eq(json_text(o, "n"), "123456");
		(void)json_object_put(o);
	}
	cr_assert_eq(truncate(path, 0), 0);
	log_event(LOG_INFO, huge, "k=1");
	o = logged_json();
	cr_assert_gt(strlen(json_text(o, "msg")), LOG_LINE - 300);
	(void)json_object_put(o);
}

Test(log, logfmt_that_is_cut_closes_its_quote)
{
	static char huge[LOG_LINE + 1];

	open_log(LOG_INFO, false);
	for (size_t n = LOG_LINE - 300; n < LOG_LINE; n += 2) {
		size_t quotes = 0, length;
		for (size_t i = 0; i < n; i++)
			huge[i] = "\\\""[i % 2];
		huge[n] = '\0';
		cr_assert_eq(truncate(path, 0), 0);
		errno = ENOENT;
		log_errno(LOG_INFO, "m", "k=\"%s\"", huge);
		length = strlen(logged());
		for (size_t i = 0; i < length; i++) {
			if (text[i] == '\\')
				i++;
			else
				quotes += text[i] == '"';
		}
		cr_assert_eq(quotes % 2, 0, "%zu: %s", n, text);
		cr_assert_leq(length, LOG_LINE);
		cr_assert_eq(strchr(text, '\n'), text + length - 1);
	}
}

Test(log, what_is_too_long_is_cut_and_stays_one_line)
{
	static char huge[3 * LOG_LINE];

	memset(huge, 'x', sizeof huge - 1);
	for (int json = 0; json < 2; json++) {
		(void)unlink(path);
		open_log(LOG_INFO, json);
		log_event(LOG_INFO, huge, "k=%s", huge);
		cr_assert_leq(strlen(logged()), LOG_LINE);
		cr_assert_eq(text[strlen(text) - 1], '\n');
	}
	cr_assert_leq(strlen(log_quoted(huge)), 1100);
}

Test(log, a_file_that_cannot_be_opened_leaves_the_logger_as_it_was)
{
	struct log_options bad = {
		.program = "p", .target = "/no/such/folder/log", .level = LOG_INFO};

	open_log(LOG_INFO, false);
	cr_assert_eq(log_open(&bad), -1);
	cr_assert_eq(errno, ENOENT);
	log_event(LOG_INFO, "still here", NULL);
	cr_assert_not_null(strstr(logged(), "still here"));
}

Test(log, reopening_follows_a_renamed_file)
{
	char old[80];

	open_log(LOG_INFO, false);
	log_event(LOG_INFO, "first", NULL);
	(void)snprintf(old, sizeof old, "%s.1", path);
	cr_assert_eq(rename(path, old), 0);
	cr_assert_eq(log_reopen(), 0);
	log_event(LOG_INFO, "second", NULL);
	cr_assert_null(strstr(logged(), "first"));
	cr_assert_not_null(strstr(text, "second"));
	(void)unlink(old);
}

Test(log, reopening_needs_nothing_of_the_options_it_was_opened_with)
{
	char borrowed[sizeof path];
	struct log_options o = {.program = "prog", .target = borrowed, .level = LOG_INFO};

	(void)snprintf(borrowed, sizeof borrowed, "%s", path);
	cr_assert_eq(log_open(&o), 0);
	(void)snprintf(borrowed, sizeof borrowed, "stderr"); /* a reload has freed it */
	cr_assert_geq(log_file(), 0);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(log_reopen(), 0);
	log_event(LOG_INFO, "there again", NULL);
	cr_assert_not_null(strstr(logged(), "there again"));
}

Test(log, a_file_that_cannot_be_reopened_stays_open)
{
	char old[80];

	open_log(LOG_INFO, false);
	(void)snprintf(old, sizeof old, "%s.1", dir);
	cr_assert_eq(rename(dir, old), 0);
	cr_assert_eq(log_reopen(), -1);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(rename(old, dir), 0);
	log_event(LOG_INFO, "still here", NULL);
	cr_assert_not_null(strstr(logged(), "still here"));
}

Test(log, a_file_opened_elsewhere_is_taken_over)
{
	char other[80];
	int fd;

	open_log(LOG_INFO, false);
	(void)snprintf(other, sizeof other, "%s.other", path);
	fd = open(other, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0);
	cr_assert_geq(log_file(), 0);
	log_take_file(fd);
	cr_assert_eq(log_file(), fd);
	log_event(LOG_INFO, "goes there", NULL);
	cr_assert_null(strstr(logged(), "goes there"));
	cr_assert_eq(rename(other, path), 0);
	cr_assert_not_null(strstr(logged(), "goes there"));
	log_close();
	cr_assert_eq(fcntl(fd, F_GETFD), -1, "it is the logger's to close");
	cr_assert_eq(log_file(), -1);
}

Test(log, every_call_keeps_errno)
{
	errno = ENOTDIR;
	open_log(LOG_INFO, false);
	cr_assert_eq(log_reopen(), 0);
	log_event(LOG_INFO, "m", "k=%s", log_quoted("a b"));
	log_narrate("m");
	log_close();
	cr_assert_eq(log_reopen(), 0); /* nothing to reopen */
	cr_assert_eq(errno, ENOTDIR);
}

/* What f writes to fd, which is a pipe meanwhile. */
static const char *
caught(int fd, void (*f)(void))
{
	int ends[2], saved = dup(fd);
	ssize_t n;

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(dup2(ends[1], fd), fd);
	f();
	cr_assert_eq(dup2(saved, fd), fd);
	(void)close(saved);
	(void)close(ends[1]);
	n = read(ends[0], text, sizeof text - 1);
	(void)close(ends[0]);
	cr_assert_geq(n, 0);
	text[n] = '\0';
	return text;
}

static void
log_two_levels(void)
{
	log_event(LOG_INFO, "wanted", NULL);
	log_event(LOG_VERBOSE, "not wanted", NULL);
}

Test(log, before_it_is_opened_information_goes_to_stderr)
{
	cr_assert_not_null(strstr(caught(STDERR_FILENO, log_two_levels), "msg=\"wanted\"\n"));
	cr_assert_null(strstr(text, "not wanted"));
}

static void
log_trouble(void)
{
	log_to_stderr_too(true);
	log_event(LOG_INFO, "information", NULL);
	log_event(LOG_WARN, "warning", NULL);
	log_to_stderr_too(false);
	log_event(LOG_ERROR, "late", NULL);
}

static void
log_trouble_confined(void)
{
	log_to_stderr_too(true);
	log_confine();
	log_event(LOG_WARN, "behind a filter", NULL);
	log_to_stderr_too(true);
	log_event(LOG_ERROR, "still behind it", NULL);
}

Test(log, a_confined_process_tells_nothing_on_stderr_too)
{
	open_log(LOG_INFO, false);
	cr_assert_str_eq(caught(STDERR_FILENO, log_trouble_confined), "");
	cr_assert(strstr(logged(), "behind a filter") && strstr(text, "still behind it"));
}

Test(log, while_somebody_waits_trouble_is_told_on_stderr_too)
{
	open_log(LOG_INFO, false);
	cr_assert_not_null(strstr(caught(STDERR_FILENO, log_trouble), "msg=\"warning\"\n"));
	cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1, "%s", text);
	cr_assert(strstr(logged(), "information") && strstr(text, "warning") &&
		  strstr(text, "late"));
}

/* fd becomes one end of something full, which ends as it began. */
static void
fill(int fd)
{
	static const char junk[4096];

	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (write(fd, junk, sizeof junk) > 0)
		continue;
	while (write(fd, junk, 1) > 0)
		continue;
	cr_assert_eq(errno, EAGAIN);
	cr_assert_eq(fcntl(fd, F_SETFL, 0), 0); /* blocking: whoever writes plainly hangs */
}

static void
empty(int fd)
{
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (read(fd, text, sizeof text) > 0)
		continue;
}

/* What reaches stderr after three lines did not. */
static void
check_dropping(int reader, int writer, bool opened, bool json)
{
	struct log_options o = {
		.program = "p", .target = "stderr", .level = LOG_INFO, .json = json};
	static char huge[2 * LOG_LINE];
	int saved = dup(STDERR_FILENO);
	ssize_t n;

	memset(huge, 'x', sizeof huge - 1);
	fill(writer);
	cr_assert_eq(dup2(writer, STDERR_FILENO), STDERR_FILENO);
	if (opened)
		cr_assert_eq(log_open(&o), 0);
	for (int i = 0; i < 3; i++)
		log_event(LOG_INFO, "lost", NULL); /* returning is what is tested */
	empty(reader);
	log_event(LOG_INFO, "through", "k=%s", huge); /* a cut line has room for it */
	n = read(reader, text, sizeof text - 1);
	log_event(LOG_INFO, "again", NULL);
	log_close();
	cr_assert_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert_not_null(strstr(text, json ? ",\"dropped\":3}\n" : " dropped=3\n"), "%s", text);
	n = read(reader, text, sizeof text - 1);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert_null(strstr(text, "dropped"));
}

static void
check_dropping_pipe(bool opened, bool json)
{
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	check_dropping(fd[0], fd[1], opened, json);
}

Test(log, a_full_pipe_does_not_stop_the_caller, .timeout = 10)
{
	check_dropping_pipe(true, false);
}

Test(log, a_full_pipe_is_told_in_json, .timeout = 10)
{
	check_dropping_pipe(true, true);
}

Test(log, a_full_pipe_does_not_stop_the_caller_before_the_log_is_opened, .timeout = 10)
{
	check_dropping_pipe(false, false);
}

Test(log, a_full_socket_does_not_stop_the_caller, .timeout = 10)
{
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	check_dropping(fd[0], fd[1], true, false);
}

static void
lose_two(void)
{
	int full[2];

	cr_assert_eq(pipe(full), 0);
	fill(full[1]);
	cr_assert_eq(fcntl(full[1], F_SETFL, O_NONBLOCK), 0); /* as a FIFO is opened */
	log_take_file(full[1]);
	log_event(LOG_INFO, "lost", NULL);
	cr_assert_eq(log_raw("a\nb\n", 4), 2);
	(void)close(full[0]);
}

Test(log, lost_lines_are_counted_here_and_where_a_worker_counts, .timeout = 10)
{
	_Atomic uint64_t cell = 0, other = 0;

	open_log(LOG_INFO, false);
	cr_assert_eq(log_lost(), 0);
	lose_two();
	cr_assert_eq(log_lost(), 3);
	log_count_into(&cell, &other);
	cr_assert_eq(log_lost(), 0);
	lose_two();
	log_count_lost(10);
	cr_assert_eq(log_lost(), 13);
	cr_assert(cell == 13 && other == 0);
}

Test(log, what_others_cause_is_limited_and_counted)
{
	struct log_options o = {.program = "p", .target = path, .level = LOG_INFO, .rate = 1};
	_Atomic uint64_t lost = 0, left_out = 0;
	const char *at;
	unsigned n = 0;

	cr_assert_eq(log_open(&o), 0);
	log_count_into(&lost, &left_out);
	for (int i = 0; i < 1000; i++) {
		log_limited(LOG_WARN, "refused", "i=%d", i);
		log_limited(LOG_VERBOSE, "not wanted", NULL);
		errno = EMFILE;
		log_limited_errno(LOG_WARN, "cannot", NULL);
		cr_assert_eq(errno, EMFILE);
	}
	log_event(LOG_WARN, "other", NULL);
	for (at = logged(); (at = strstr(at, "msg=\"refused\"")) != NULL; at++)
		n++;
	cr_expect(n >= 200 && n < 300, "%u", n);
	cr_expect_not_null(strstr(text, "msg=\"cannot\" error=\"Too many open files\"\n"));
	cr_expect_not_null(strstr(text, "msg=\"other\"\n"));
	cr_expect(left_out > 1400 && left_out == log_suppressed() && lost == 0);
	for (int i = 0; i < 3000 && strstr(logged(), "lines suppressed") == NULL; i++) {
		(void)usleep(1000);
		log_report_suppressed();
	}
	cr_expect_not_null(strstr(text, "msg=\"lines suppressed\" of="), "%s", text);
}

static void
log_to_the_journal(void)
{
	struct log_options o = {.program = "prog", .target = "stderr", .level = LOG_VERBOSE};
	struct stat st;
	char stream[64];

	for (int json = 0; json < 2; json++) {
		cr_assert_eq(fstat(STDERR_FILENO, &st), 0);
		(void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
			       (unsigned long long)st.st_ino);
		cr_assert_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
		o.json = json;
		cr_assert_eq(log_open(&o), 0);
		log_event(LOG_ERROR, "m", NULL);
		log_event(LOG_WARN, "m", NULL);
		log_event(LOG_INFO, "m", "k=1");
		log_event(LOG_VERBOSE, "m", NULL);
	}
	cr_assert_eq(setenv("JOURNAL_STREAM", "1:1", 1), 0); /* stderr is another meanwhile */
	cr_assert_eq(log_open(&o), 0);
	log_event(LOG_INFO, "m", NULL);
	log_close();
}

Test(log, the_journal_gets_priorities_and_no_second_time)
{
	char wanted[512];
	int pid = (int)getpid(), n;

	(void)caught(STDERR_FILENO, log_to_the_journal);
	n = snprintf(wanted, sizeof wanted,
		     "<3>level=error pid=%d msg=\"m\"\n<4>level=warn pid=%d msg=\"m\"\n"
		     "<6>level=info pid=%d msg=\"m\" k=1\n<7>level=debug pid=%d msg=\"m\"\n"
		     "<3>{\"level\":\"error\",\"pid\":%d,\"msg\":\"m\"}\n",
		     pid, pid, pid, pid, pid);
	cr_expect_eq(strncmp(text, wanted, (size_t)n), 0, "%s", text);
	cr_expect_not_null(strstr(text, "\n{\"time\":"), "%s", text);
}

Test(log, narration_is_a_sentence_on_stdout_where_it_is_wanted)
{
	struct log_options o = {.program = "p", .target = path, .level = LOG_INFO, .narrate = true};
	int fd[2], saved = dup(STDOUT_FILENO);
	ssize_t n;

	cr_assert_eq(pipe(fd), 0);
	cr_assert_eq(dup2(fd[1], STDOUT_FILENO), STDOUT_FILENO);
	log_narrate("not yet");
	cr_assert(!log_narrates());
	cr_assert_eq(log_open(&o), 0);
	cr_assert(log_narrates());
	log_narrate("Proxy running on port %d", 2100);
	n = read(fd[0], text, sizeof text - 1);
	cr_assert_eq(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert_str_eq(text, "Proxy running on port 2100\n");
}

static void
narrate_oddly(void)
{
	struct log_options o = {.program = "p", .target = path, .level = LOG_INFO, .narrate = true};

	cr_assert_eq(log_open(&o), 0);
	log_narrate("id %s, %s", "a\nb\x1b[2J", "\xc3\xa9 \xff");
	log_close();
}

Test(log, narration_is_one_line_whatever_a_peer_calls_itself)
{
	cr_assert_str_eq(caught(STDOUT_FILENO, narrate_oddly),
			 "id a\\x0ab\\x1b[2J, \xc3\xa9 \\xff\n");
}

Test(log, in_a_file_each_writer_goes_on_where_the_other_ended)
{
	struct log_options o = {
		.program = "p", .target = "stderr", .level = LOG_INFO, .narrate = true};
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), saved[] = {dup(1), dup(2)};

	cr_assert_geq(fd, 0);
	cr_assert(dup2(fd, 1) == 1 && dup2(fd, 2) == 2);
	cr_assert_eq(write(fd, "first\n", 6), 6);
	cr_assert_eq(log_open(&o), 0);
	log_narrate("second");
	log_event(LOG_INFO, "third", NULL);
	log_close();
	cr_assert_eq(write(fd, "fourth\n", 7), 7);
	cr_assert(dup2(saved[0], 1) == 1 && dup2(saved[1], 2) == 2);
	cr_assert_eq(strncmp(logged(), "first\nsecond\ntime=", 18), 0, "%s", text);
	cr_assert_not_null(strstr(text, "msg=\"third\"\nfourth\n"), "%s", text);
}
