/* handler_keys.c - the keys of handlers, each with its bounds and what is wrong with a value by
 * itself; see handler_conf.h. */
#include <assert.h>
#include <signal.h>
#include <string.h>

#include "conf_check.h"
#include "handler_conf.h"

#define AT(member) offsetof(struct handler_conf, member)
#define HOUR	   ((uint64_t)3600 * 1000)

static const char *const kinds[] = {"none", "exec", "exec-once", "module", "pseudonym", NULL};
const char *
handler_kind_text(int kind)
{
	return kinds[kind];
}

static const char *const repeatables[] = {"auto", "yes", "no", NULL};

static const char *const signal_names[] = {"ABRT", "TERM", "INT",  "QUIT", "HUP",
					   "USR1", "USR2", "KILL", NULL};
static const int signals[] = {SIGABRT, SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGKILL};

int
handler_signal_of(int choice)
{
	return signals[choice];
}

/* ---- single keys ---- */

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";

static size_t
name_length(const char *text)
{
	size_t n = strspn(text, name_bytes);

	return n > 0 && text[n] == '=' ? n : 0;
}

static const char *
judge_env(const char *text)
{
	return name_length(text) > 0 && (text[0] < '0' || text[0] > '9')
		       ? NULL
		       : "NAME=VALUE is needed, with letters, digits and _ in the name";
}

static const char *
judge_setting(const char *text)
{
	return name_length(text) > 0 ? NULL
				     : "key=value is needed, with letters, digits and _ in the key";
}

const struct conf_key handler_keys[HANDLER_KEYS] = {
	{.name = "job",
	 .type = CONF_TEXT,
	 .offset = AT(job),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "what this server does: sha1 or another digest, or the name of the handler's job; "
		 "empty: sha1, or the handler's name"},
	{.name = "handler",
	 .type = CONF_CHOICE,
	 .offset = AT(kind),
	 .fallback = "none",
	 .choices = kinds,
	 .help = "which code does the job, in processes of its own; none: a built-in digest"},
	{.name = "handler_command",
	 .type = CONF_LIST,
	 .offset = AT(command),
	 .max = HANDLER_PATH - 1,
	 .help = "program of exec and exec-once with its arguments; no shell is involved"},
	{.name = "handler_module",
	 .type = CONF_TEXT,
	 .offset = AT(module),
	 .max = HANDLER_PATH - 1,
	 .judge = conf_check_path,
	 .help = "file of the module"},
	{.name = "handler_processes",
	 .type = CONF_INT,
	 .offset = AT(processes),
	 .fallback = "1",
	 .min = 1,
	 .max = HANDLER_PROCESSES_MAX,
	 .help = "job processes of each worker"},
	{.name = "job_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(job_timeout),
	 .fallback = "5s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long a job may take; then its process is ended and the client told"},
	{.name = "handler_start_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(start_timeout),
	 .fallback = "10s",
	 .min = 100,
	 .max = HOUR,
	 .help = "how long a job process may take until it answers"},
	{.name = "handler_signal",
	 .type = CONF_CHOICE,
	 .offset = AT(signal_choice),
	 .fallback = "ABRT",
	 .choices = signal_names,
	 .help = "signal that ends a job process that is overdue"},
	{.name = "handler_grace",
	 .type = CONF_DURATION,
	 .offset = AT(grace),
	 .fallback = "1s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long it may take to end then, until it and what it has started are killed"},
	{.name = "handler_max_jobs",
	 .type = CONF_INT,
	 .offset = AT(max_jobs),
	 .fallback = "0",
	 .max = UINT32_MAX,
	 .help = "a job process is replaced after so many jobs; 0: never"},
	{.name = "handler_max_memory",
	 .type = CONF_SIZE,
	 .offset = AT(max_memory),
	 .fallback = "0",
	 .max = (uint64_t)1 << 40,
	 .help = "a job process is replaced when it holds more memory; 0: never"},
	{.name = "handler_max_processes",
	 .type = CONF_INT,
	 .offset = AT(max_processes),
	 .fallback = "0",
	 .max = 1000000,
	 .help = "processes and threads that handler_user may have in all; 0: 64 for each job "
		 "process, and at least 1024"},
	{.name = "handler_max_reply",
	 .type = CONF_SIZE,
	 .offset = AT(max_reply),
	 .fallback = "1M",
	 .min = 64,
	 .max = 256 << 20,
	 .help = "largest reply of a handler in bytes, as it is sent"},
	{.name = "handler_queue",
	 .type = CONF_INT,
	 .offset = AT(queue),
	 .fallback = "0",
	 .max = 1000000,
	 .help = "jobs that may wait in a worker; 0: four times handler_processes"},
	{.name = "handler_strikes",
	 .type = CONF_INT,
	 .offset = AT(strikes),
	 .fallback = "2",
	 .max = 1000,
	 .help = "a payload that has ended so many job processes is refused; 0: never"},
	{.name = "handler_strike_time",
	 .type = CONF_DURATION,
	 .offset = AT(strike_time),
	 .fallback = "10m",
	 .min = 1000,
	 .max = 168 * HOUR,
	 .help = "how long that is remembered"},
	{.name = "handler_user",
	 .type = CONF_TEXT,
	 .offset = AT(user.user),
	 .max = 256,
	 .help = "the user of job processes; empty: that of workers"},
	{.name = "handler_directory",
	 .type = CONF_TEXT,
	 .offset = AT(directory),
	 .max = HANDLER_PATH - 1,
	 .judge = conf_check_path,
	 .help = "folder in which job processes start; empty: /"},
	{.name = "handler_env",
	 .type = CONF_LIST,
	 .offset = AT(env),
	 .max = 65536,
	 .judge = judge_env,
	 .help = "NAME=VALUE: environment of job processes, beside PATH=/usr/bin:/bin and "
		 "LANG=C.UTF-8; nothing else is in it"},
	{.name = "handler_setting",
	 .type = CONF_LIST,
	 .offset = AT(setting),
	 .max = 65536,
	 .judge = judge_setting,
	 .help = "key=value: settings for the handler; PPOOL_key in a program's environment"},
	{.name = "handler_network",
	 .type = CONF_BOOL,
	 .offset = AT(network),
	 .fallback = "no",
	 .help = "let job processes make sockets"},
	{.name = "handler_seccomp",
	 .type = CONF_BOOL,
	 .offset = AT(seccomp),
	 .fallback = "yes",
	 .help = "filter the system calls of job processes"},
	{.name = "handler_repeatable",
	 .type = CONF_CHOICE,
	 .offset = AT(repeatable),
	 .fallback = "auto",
	 .choices = repeatables,
	 .help = "may a job be run again elsewhere, when its outcome is unknown?  auto: digests, and "
		 "modules that say so"},
	{.name = "pseudonym_keys",
	 .type = CONF_TEXT,
	 .offset = AT(pseudonym_keys),
	 .max = HANDLER_PATH - 1,
	 .judge = conf_check_path,
	 .help = "file of the secrets of hmac-sha256"},
	{.name = "pseudonym_domain",
	 .type = CONF_TEXT,
	 .offset = AT(pseudonym_domain),
	 .max = PACKET_ID_MAX,
	 .judge = conf_check_id,
	 .help = "pseudonyms of two domains cannot be joined"},
};

static_assert(sizeof kinds / sizeof *kinds == HANDLER_PSEUDONYM + 2, "a word for each");
