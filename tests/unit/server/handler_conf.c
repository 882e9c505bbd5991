/* handler_conf: which settings of a handler fit together, and what is said of those that don't. */
#include "handler_conf.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct handler_conf conf;
static struct daemon_conf daemon_conf;
static char *origin[HANDLER_KEYS], *told;
static char dir[] = "/tmp/handler-conf-XXXXXX", file[64];

static void
make(const char *name, mode_t mode)
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fputs("#!/bin/sh\n", f) < 0, 0);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(path, mode), 0);
}

/* A keyring of pseudonyms. */
static void
make_keys(void)
{
	FILE *f;

	(void)snprintf(file, sizeof file, "%s/keys", dir);
	f = fopen(file, "w");
	cr_assert_not_null(f);
	cr_assert_eq(fprintf(f, "key a\nsecret use %064d\n", 7), 6 + 11 + 64 + 1);
	cr_assert_eq(fclose(f), 0);
	cr_assert_eq(chmod(file, 0600), 0);
}

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	make("job", 0755);
	make("text", 0644);
	make("upper.sh", 0644);
	make("text.so", 0644);
	make("no,\"name", 0755);
	make_keys();
	(void)snprintf(file, sizeof file, "%s/redact.so", dir);
	cr_assert_eq(symlink(MODULES "redact.so", file), 0);
	(void)snprintf(file, sizeof file, "%s/conf", dir);
}

static void
end(void)
{
	const struct conf_table t = {handler_keys, HANDLER_KEYS, &conf, NULL, NULL, origin, NULL};
	char command[64];

	conf_free(&t, 1);
	free(told);
	(void)snprintf(command, sizeof command, "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(handler_conf, .init = begin, .fini = end);

/* DIR in the text stands for the folder. */
static int
load(const char *text)
{
	const struct conf_table t = {handler_keys, HANDLER_KEYS, &conf, NULL, NULL, origin, NULL};
	char program[] = "ppool-server", option[] = "-c";
	char *argv[] = {program, option, file, NULL};
	struct conf_command command;
	size_t size;
	FILE *f = fopen(file, "w"), *err;
	int r;

	cr_assert_not_null(f);
	for (const char *p = text; *p != '\0'; p++)
		if (strncmp(p, "DIR", 3) == 0) {
			cr_assert_gt(fputs(dir, f), 0);
			p += 2;
		} else {
			cr_assert_neq(putc(*p, f), EOF);
		}
	cr_assert_eq(fclose(f), 0);
	conf_free(&t, 1);
	free(told);
	memset(&conf, 0, sizeof conf);
	err = open_memstream(&told, &size);
	daemon_conf.max_message = 1 << 20;
	r = conf_load(&t, 1, 3, argv, NULL, &command, err);
	if (r == 0)
		r = handler_conf_check(&conf, &daemon_conf, origin, "ppool-server", err);
	cr_assert_eq(fclose(err), 0);
	return r;
}

static void
accepts(const char *text)
{
	cr_expect_eq(load(text), 0, "%s: %s", text, told);
}

static void
refuses(const char *text, const char *why)
{
	cr_expect_eq(load(text), -1, "%s", text);
	cr_expect_not_null(strstr(told, why), "%s: %s, not: %s", text, why, told);
}

Test(handler_conf, without_settings_it_is_sha1_in_the_workers)
{
	accepts("");
	cr_expect_str_eq(conf.name, "sha1");
	cr_expect_eq(conf.known, job_at(0));
	cr_expect_not(handler_conf_has_processes(&conf));
}

Test(handler_conf, a_digest_needs_no_handler)
{
	accepts("job = sha3-256");
	cr_expect_str_eq(conf.name, "sha3-256");
	cr_expect_str_eq(conf.known->name, "sha3-256");
	cr_expect_not(handler_conf_has_processes(&conf));
}

Test(handler_conf, another_job_needs_one)
{
	refuses("\njob = redact", "conf:2: job: redact: no such job without a handler");
	cr_expect_not_null(strstr(told, " sha3-512"));
}

Test(handler_conf, a_program_is_named_by_its_path)
{
	accepts("handler = exec handler_command = {\"DIR/job\", \"-x\"}");
	cr_expect_str_eq(conf.name, "job");
	cr_expect_str_eq(strrchr(conf.program, '/'), "/job");
	cr_expect(handler_conf_has_processes(&conf));
	cr_expect_eq(conf.queue, 4);
	cr_expect_eq(conf.signal, SIGABRT);
}

Test(handler_conf, a_script_is_named_by_its_own_path_and_not_its_interpreters)
{
	accepts("handler = exec handler_command = {\"/bin/sh\", \"DIR/upper.sh\", \"x\"}");
	cr_expect_str_eq(conf.name, "upper.sh");
	accepts("handler = exec handler_command = {\"/usr/bin/env\", \"-i\", \"A=b\", \"sh\", \"-u\", \"lower.sh\"}");
	cr_expect_str_eq(conf.name, "lower.sh");
	accepts("handler = exec handler_command = {\"/bin/sh\", \"-c\", \"cat\"}");
	cr_expect_str_eq(conf.name, "sh");
	accepts("handler = exec handler_command = {\"/bin/sh\"}");
	cr_expect_str_eq(conf.name, "sh");
}

Test(handler_conf, a_script_that_is_not_there_is_told_with_its_line)
{
	refuses("handler = exec\nhandler_command = {\"/bin/sh\", \"DIR/none.sh\"}",
		"conf:2: handler_command: ");
	cr_expect_not_null(strstr(told, "/none.sh: not found"), "%s", told);
	refuses("handler = exec handler_command = {\"/bin/sh\", \"./x/none.sh\"} "
		"handler_directory = \"DIR\"",
		"/./x/none.sh: not found");
	accepts("handler = exec handler_command = {\"/bin/sh\", \"./upper.sh\"} "
		"handler_directory = \"DIR\"");
	/* What may be no script is only warned of. */
	accepts("handler = exec handler_command = {\"/bin/sh\", \"-o\", \"DIR/none.sh\"}");
	cr_expect_not_null(strstr(told, "handler_command: if this is the script, /"), "%s", told);
	accepts("handler = exec handler_command = {\"/bin/sh\", \"DIR/upper.sh\", \"DIR/none\"}");
	cr_expect_str_empty(told);
	accepts("handler = exec handler_command = {\"cat\", \"/DIR/none\"}");
	cr_expect_str_empty(told);
}

Test(handler_conf, or_found_in_the_path_of_its_environment)
{
	accepts("handler = exec handler_command = cat");
	cr_expect_str_eq(conf.program, "/usr/bin/cat");
	accepts("handler = exec handler_command = job handler_env = {\"PATH=/usr/bin:DIR\"}");
	cr_expect_str_eq(strrchr(conf.program, '/'), "/job");
	refuses("handler = exec handler_command = job",
		"handler_command: job: not found in PATH=/usr/bin:/bin");
	refuses("handler = exec handler_command = job handler_env = {\"PATH=\"}", "job: not found");
	refuses("handler = exec handler_command = text handler_env = {\"PATH=DIR\"}",
		"text: it is not executable");
}

Test(handler_conf, or_lies_in_the_folder_where_it_starts)
{
	accepts("handler = exec handler_command = \"./job\" handler_directory = \"DIR\"");
	refuses("handler = exec handler_command = \"./job\"",
		"must begin with /, or handler_direc");
	refuses("handler = exec handler_command = cat handler_directory = \"DIR/job\"",
		"it is no folder");
	refuses("handler = exec handler_command = cat handler_directory = \"DIR/none\"",
		"No such file");
}

Test(handler_conf, what_cannot_be_executed_is_told_with_its_line)
{
	refuses("\nhandler = exec", "conf:2: handler: handler = exec needs the program");
	refuses("handler = exec-once\nhandler_command = {}",
		"conf:2: handler_command: handler = exec");
	refuses("handler = exec\nhandler_command = \"DIR/none\"",
		"/none: No such file or directory");
	refuses("handler = exec\nhandler_command = \"DIR/text\"",
		"/text: it is not executable; chmod +x");
	refuses("handler = exec\nhandler_command = \"DIR\"", ": it is no file");
}

Test(handler_conf, a_module_has_a_file_and_its_name)
{
	accepts("handler = module handler_module = \"DIR/redact.so\"");
	cr_expect_str_eq(conf.name, "redact");
	accepts("handler = module handler_module = \"DIR/redact.so\" job = mask");
	cr_expect_str_eq(conf.name, "mask");
	cr_expect_eq(conf.known->shape, JOB_ANY);
	refuses("handler = module", "conf:1: handler: handler = module needs handler_module");
	refuses("handler = module\nhandler_module = \"DIR/none.so\"", "conf:2: handler_module: ");
	refuses("handler = module handler_module = \"DIR\"", "it is no file");
	refuses("handler = module\nhandler_module = \"DIR/text.so\"",
		"/text.so: it is no shared object");
	refuses("handler = module\nhandler_module = \"" MODULES "abi2.so\"",
		"/abi2.so: it is made for ABI 2: this program has ABI 1");
}

Test(handler_conf, pseudonyms_are_asked_for_by_job_or_by_handler)
{
	accepts("job = hmac-sha256 pseudonym_keys = \"DIR/keys\"");
	cr_expect_eq(conf.kind, HANDLER_PSEUDONYM);
	accepts("handler = pseudonym pseudonym_keys = \"DIR/keys\" pseudonym_domain = \"a\"");
	cr_expect_str_eq(conf.name, "hmac-sha256");
	refuses("job = hmac-sha256", "handler = pseudonym needs pseudonym_keys");
	refuses("handler = pseudonym job = sha1 pseudonym_keys = \"DIR/keys\"",
		"handler = pseudonym does hmac-sha256");
	refuses("job = hmac-sha256 pseudonym_keys = \"DIR/text\"",
		"/text: can be read or written by others: its mode must be 0600");
}

Test(handler_conf, keys_that_nothing_looks_at_are_told)
{
	refuses("\n\nhandler_processes = 2\njob_timeout = 3s",
		"conf:3: handler_processes: there is no handler");
	cr_expect_not_null(strstr(told, "conf:4: job_timeout: there is no handler"));
	refuses("job = sha256 handler_user = nobody", "handler_user: there is no handler");
	refuses("handler_command = cat", "handler_command: it is for handler = exec and exec-once, "
					 "not for none");
	refuses("handler = exec handler_command = cat handler_module = \"DIR/text\"",
		"handler_module: it is for handler = module, not for exec");
	refuses("handler = exec handler_command = cat pseudonym_domain = x",
		"pseudonym_domain: it is for handler = pseudonym, not for exec");
}

Test(handler_conf, defaults_may_be_written_down)
{
	accepts("handler_processes = 1 handler_command = {} handler_user = \"\" job_timeout = 5s "
		"handler = none job = \"\" handler_network = no handler_signal = ABRT");
}

Test(handler_conf, bounds_hold)
{
	static const char *const bad[] = {
		"job_timeout = 0",	     "handler_start_timeout = 0",
		"handler_grace = 0",	     "handler_processes = 0",
		"handler_processes = 65",    "handler_max_reply = 0",
		"handler_strike_time = 0",   "handler_signal = SEGV",
		"handler_env = \"x\"",	     "handler_env = \"=x\"",
		"handler_env = \"1=x\"",     "handler_setting = \"a b=x\"",
		"handler_directory = \"x\"", "handler_max_processes = 1000001",
		"handler = shell",
	};
	char text[128];

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		(void)snprintf(text, sizeof text, "handler = exec\nhandler_command = cat\n%s\n",
			       bad[i]);
		refuses(strstr(bad[i], "= shell") != NULL ? bad[i] : text, "conf:");
	}
}

Test(handler_conf, a_reply_is_no_larger_than_a_packet)
{
	refuses("handler = exec handler_command = cat handler_max_reply = 2M",
		"handler_max_reply: it is more than max_message, 1048576 bytes");
	accepts("handler = exec handler_command = cat handler_max_reply = 1M");
	cr_assert_eq(conf.max_reply, 1 << 20);
	accepts("handler = exec handler_command = cat");
	cr_assert_eq(conf.max_reply, (1 << 20) - 512, "room for the packet's head");
}

Test(handler_conf, only_root_can_give_them_a_user)
{
	if (geteuid() == 0) {
		accepts("handler = exec handler_command = cat handler_user = nobody");
		cr_expect(conf.user.plan.change_user);
	} else {
		refuses("handler = exec handler_command = cat handler_user = nobody",
			"ppool-server: handler_user: nobody: only root can become another user");
	}
	refuses("handler = exec handler_command = cat handler_user = nobody-of-that-name",
		"handler_user: nobody-of-that-name: no such user");
}

Test(handler_conf, processes_are_bounded_for_a_user_of_their_own_alone)
{
	refuses("handler = exec handler_command = cat\nhandler_max_processes = 1000",
		"conf:2: handler_max_processes: it bounds what handler_user has, which is not given");
	if (geteuid() != 0)
		cr_skip_test("only root can give them a user");
	daemon_conf.workers = 2;
	refuses("handler = exec handler_command = cat handler_user = nobody handler_processes = 4\n"
		"handler_max_processes = 15",
		"conf:2: handler_max_processes: 15 is less than the job processes themselves, 16");
	accepts("handler = exec handler_command = cat handler_user = nobody handler_processes = 4 "
		"handler_max_processes = 16");
	cr_expect_eq(conf.max_processes, 16);
	accepts("handler = exec handler_command = cat handler_user = nobody "
		"handler_max_processes = 1000000");
}

Test(handler_conf, a_name_that_no_packet_can_carry_is_refused)
{
	refuses("handler = exec handler_command = {'DIR/no,\"name'}", "cannot be its name");
}

Test(handler_conf, of_an_environment_the_last_value_counts)
{
	accepts("handler = exec handler_command = cat handler_env = {\"A=1\", \"AB=2\", \"A=3\"}");
	cr_expect_str_eq(handler_conf_env(&conf, "A"), "3");
	cr_expect_str_eq(handler_conf_env(&conf, "LANG"), "C.UTF-8");
	cr_expect_null(handler_conf_env(&conf, "HOME"));
}
