/* handler_module: modules are loaded, refused by name, and can only harm themselves. */
#include "handler_module.h"

#include "runner_fixture.h"

static struct job_runner_conf
conf_of(const char *module)
{
	return (struct job_runner_conf){
		.kind = JOB_RUNNER_MODULE, .max_reply = 1000, .seccomp = true, .module = module};
}

static void
begin(const char *module, const char *ready)
{
	runner_begin(conf_of(module));
	cr_assert_str_eq(runner_ask(READY), ready);
}

/* A sick handler that is ready. */
static void
sick(void)
{
	begin(MODULES "sick.so", "{\"job\":0,\"payload\":\"\"}");
}

Test(handler_module, does_jobs_and_is_repeatable_where_it_says_so)
{
	begin(MODULES "upper.so", "{\"job\":0,\"payload\":\"\",\"repeatable\":true}");
	cr_assert(runner_is_filtered() || sandbox_why_not() != NULL);
	ANSWERS("hello\\u0000", "{\"job\":1,\"payload\":\"HELLO\\u0000\"}");
	ANSWERS("", "{\"job\":1,\"payload\":\"\"}");
	cr_assert_str_eq(runner_ask("{\"job\":5,\"timeout\":1,\"payload\":\"/2Fi\","
				    "\"encoding\":\"base64\"}"),
			 "{\"job\":5,\"payload\":\"/0FC\",\"encoding\":\"base64\"}");
	EXITS(0);
	SAID("<6>upper stops\n");
}

Test(handler_module, gets_its_settings)
{
	struct job_runner_conf conf = conf_of(MODULES "upper.so");

	conf.setting = words("prefixes=no", "prefix=a=b ", NULL);
	runner_begin(conf);
	(void)runner_ask(READY);
	ANSWERS("x", "{\"job\":1,\"payload\":\"a=b X\"}");
	EXITS(0);
}

Test(handler_module, whose_start_fails_is_not_ready)
{
	struct job_runner_conf conf = conf_of(MODULES "upper.so");

	conf.setting = words("prefix=refuse", NULL);
	runner_begin(conf);
	cr_assert_str_eq(runner_ask(READY), "{\"job\":0,\"error\":\"" MODULES
					    "upper.so: its start() has returned 7\"}");
	EXITS(1);
	SAID("<3>the prefix is refused\n");
	SAID("upper.so: its start() has returned 7\n");
}

static void
refused(const char *file, const char *why)
{
	char line[1000], path[500];

	(void)snprintf(path, sizeof path, "%s%s", file[0] == '/' ? "" : MODULES, file);
	(void)snprintf(line, sizeof line, "{\"job\":0,\"error\":\"%s: %s\"}", path, why);
	begin(path, line);
	EXITS(1);
	SAID(why);
}

static void
refused_unrun(const char *file, const char *why)
{
	char said[HANDLER_WHY], path[500], line[1000];

	refused(file, why);
	(void)snprintf(path, sizeof path, "%s%s", file[0] == '/' ? "" : MODULES, file);
	cr_assert_eq(handler_module_check(path, said), -1);
	(void)snprintf(line, sizeof line, "%s: %s", path, why);
	cr_assert_str_eq(said, line);
}

Test(handler_module, that_is_none_is_refused_before_it_is_loaded)
{
	refused_unrun("absent.so", "it does not export ppool_handler_1");
	refused_unrun("abi2.so", "it is made for ABI 2: this program has ABI 1");
	refused_unrun("otherabi.so", "it is made for ABI 7: this program has ABI 1");
	refused_unrun("small.so", "ppool_handler_1 has 24 bytes: ABI 1 has 56");
	refused_unrun("textrel.so", "it has text relocations: compile it with -fPIC");
	refused_unrun("/nowhere.so", "No such file or directory");
	refused_unrun("/etc", "it is no regular file");
	refused_unrun("/etc/passwd",
		      "it is no shared object: it does not begin as an ELF file does");
}

Test(handler_module, that_the_loader_refuses_is_told_in_its_words)
{
	refused("needy.so", "absent.so: cannot open shared object file: No such file or directory");
	refused("norun.so", "it has no run()");
}

Test(handler_module, answers_that_are_none_are_errors)
{
	sick();
	ANSWERS("huge", "{\"job\":1,\"error\":\"its reply has 18446744073709551615 bytes, "
			"handler_max_reply is 1000\"}");
	ANSWERS("null", "{\"job\":1,\"error\":\"its reply has 5 bytes at NULL\"}");
	ANSWERS("latin", "{\"job\":1,\"error\":\"its reply is no UTF-8\"}");
	ANSWERS("other", "{\"job\":1,\"error\":\"its run() has returned 42\"}");
	ANSWERS("binary", "{\"job\":1,\"payload\":\"/wAK\",\"encoding\":\"base64\"}");
	EXITS(0);
}

Test(handler_module, may_refuse_fail_and_be_busy)
{
	sick();
	ANSWERS("refuse", "{\"job\":1,\"error\":\"it will not \\\"do\\\" this\"}");
	ANSWERS("fail", "{\"job\":1,\"error\":\"the disk is gone\"}");
	ANSWERS("fail silently", "{\"job\":1,\"error\":\"failed\"}");
	ANSWERS("busy", "{\"job\":1,\"busy\":70}");
	EXITS(0);
	cr_assert_str_eq(runner_said(), "<3>the disk is gone\n<3>failed\n");
}

Test(handler_module, what_it_prints_is_no_answer)
{
	sick();
	ANSWERS("print", "{\"job\":1,\"payload\":\"printed\"}");
	EXITS(0);
	SAID("not an answer");
}

Test(handler_module, what_any_program_does_is_allowed)
{
	sick();
	ANSWERS("work", "{\"job\":1,\"payload\":\"0 9999\"}");
	EXITS(0);
}

static void
killed_by(const char *payload, int sig)
{
	int status;

	sick();
	cr_assert_str_eq(runner_job(payload), "");
	status = runner_end();
	cr_assert(SANDBOX_SANITIZED || (WIFSIGNALED(status) && WTERMSIG(status) == sig), "%s: %x",
		  payload, (unsigned)status);
}

Test(handler_module, that_crashes_ends_its_process)
{
	killed_by("segfault", SIGSEGV);
	killed_by("wild", SIGSEGV);
	killed_by("abort", SIGABRT);
	sick();
	cr_assert_str_eq(runner_job("exit"), "");
	EXITS(0);
}

static void
forbidden(const char *payload, const char *call)
{
	char text[100];

	sick();
	cr_assert_str_eq(runner_job(payload), "");
	EXITS(SANDBOX_JOB_STATUS);
	(void)snprintf(text, sizeof text, "<3>a system call that is not allowed here: %s: ", call);
	SAID(text);
}

Test(handler_module, calls_that_are_not_allowed_are_told_by_name)
{
	if (sandbox_why_not() != NULL)
		return;
	forbidden("socket", "socket");
	forbidden("open", "openat");
	forbidden("fork", "clone");
	forbidden("code", "mmap");
}

Test(handler_module, without_the_filter_it_may_do_what_it_likes)
{
	struct job_runner_conf conf = conf_of(MODULES "sick.so");

	conf.seccomp = false;
	runner_begin(conf);
	(void)runner_ask(READY);
	cr_assert_not(runner_is_filtered());
	ANSWERS("socket", "{\"job\":1,\"error\":\"its run() has returned 42\"}");
	EXITS(0);
}
