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
		char s[8];
		(void)snprintf(s, sizeof s, "v %d", i);
		v[i] = log_quoted(s);
	}
	for (int i = 0; i < 8; i++)
		cr_assert_eq(v[i][3], '0' + i);
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

/* stderr becomes one end of something full; the write end of it. */
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

static void
check_dropping(int reader, int writer)
{
	struct log_options o = {.program = "p", .target = "stderr", .level = LOG_INFO};
	int saved = dup(STDERR_FILENO);
	ssize_t n;

	fill(writer);
	cr_assert_eq(dup2(writer, STDERR_FILENO), STDERR_FILENO);
	cr_assert_eq(log_open(&o), 0);
	for (int i = 0; i < 3; i++)
		log_event(LOG_INFO, "lost", NULL); /* returning is what is tested */
	empty(reader);
	log_event(LOG_INFO, "through", NULL);
	n = read(reader, text, sizeof text - 1);
	log_close();
	cr_assert_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
	cr_assert_gt(n, 0);
	text[n] = '\0';
	cr_assert_not_null(strstr(text, "msg=\"through\" dropped=3\n"), "%s", text);
}

Test(log, a_full_pipe_does_not_stop_the_caller, .timeout = 10)
{
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	check_dropping(fd[0], fd[1]);
}

Test(log, a_full_socket_does_not_stop_the_caller, .timeout = 10)
{
	int fd[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	check_dropping(fd[0], fd[1]);
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
