/* daemon_keys.c - the settings that both daemons share; see daemon.h. */
#include <string.h>

#include "addr.h"
#include "daemon.h"

#define AT(member)	       offsetof(struct daemon_conf, member)
#define HOUR		       ((uint64_t)3600 * 1000)

#define LEVEL_NAME(name, text) text,
static const char *const level_names[] = {LOG_LEVELS(LEVEL_NAME) NULL};
static const char *const format_names[] = {"logfmt", "json", NULL};
static const char *const narrate_names[] = {"auto", "yes", "no", NULL};

static const char *const seccomp_names[] = {"auto", "yes", "no", "log",
					    NULL}; /* enum sandbox_mode */

static const char *
judge_path(const char *text)
{
	return text[0] == '\0' || text[0] == '/' ? NULL : "a path must be absolute";
}

static const char *
judge_log(const char *text)
{
	if (strcmp(text, "stderr") == 0 || strcmp(text, "syslog") == 0 || judge_path(text) == NULL)
		return NULL;
	return "neither stderr, syslog nor an absolute path";
}

static const char *
judge_control(const char *text)
{
	if (strcmp(text, "none") == 0 || judge_path(text) == NULL)
		return NULL;
	return "neither none nor an absolute path";
}

static const char *
judge_address(const char *text)
{
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;

	return text[0] == '\0' || addr_split(text, host, &port, &why) == 0 ? NULL : why;
}

const struct conf_key daemon_keys[] = {
	{.name = "daemon",
	 .letter = 'd',
	 .type = CONF_BOOL,
	 .offset = AT(daemon),
	 .fallback = "no",
	 .fixed = true,
	 .help = "detach from the terminal once serving"},
	{.name = "pidfile",
	 .type = CONF_TEXT,
	 .offset = AT(pidfile),
	 .max = 4096,
	 .judge = judge_path,
	 .fixed = true,
	 .help = "where the pid is kept; empty: in runtime_dir when detached, none in front"},
	{.name = "runtime_dir",
	 .type = CONF_TEXT,
	 .offset = AT(runtime_dir),
	 .max = 4096,
	 .judge = judge_path,
	 .fixed = true,
	 .help = "folder of control sockets and pidfiles; empty: /run/policypool, or the user's"},
	{.name = "control",
	 .type = CONF_TEXT,
	 .offset = AT(control),
	 .max = 4096,
	 .judge = judge_control,
	 .fixed = true,
	 .help = "path of the control socket, or none; empty: in runtime_dir"},
	{.name = "control_mode",
	 .type = CONF_MODE,
	 .offset = AT(control_mode),
	 .fallback = "0666",
	 .max = 0777,
	 .fixed = true,
	 .help = "permissions of the control socket: who may look"},
	{.name = "log",
	 .type = CONF_TEXT,
	 .offset = AT(log),
	 .max = 4096,
	 .judge = judge_log,
	 .help = "stderr, syslog or a file; empty: syslog when detached, otherwise stderr"},
	{.name = "log_level",
	 .type = CONF_CHOICE,
	 .offset = AT(log_level),
	 .fallback = "info",
	 .choices = level_names,
	 .help = "what is worth a line in the log"},
	{.name = "log_format",
	 .type = CONF_CHOICE,
	 .offset = AT(log_format),
	 .fallback = "logfmt",
	 .choices = format_names,
	 .help = "form of the log's lines"},
	{.name = "narrate",
	 .type = CONF_CHOICE,
	 .offset = AT(narrate),
	 .fallback = "auto",
	 .choices = narrate_names,
	 .help = "tell every packet on standard output; auto: in front only"},
	{.name = "workers",
	 .type = CONF_INT,
	 .offset = AT(workers),
	 .fallback = "0",
	 .max = DAEMON_WORKERS_MAX,
	 .help = "worker processes; 0: as many as CPUs"},
	{.name = "worker_connections",
	 .type = CONF_INT,
	 .offset = AT(worker_connections),
	 .fallback = "16384",
	 .min = 1,
	 .max = 1000000,
	 .help = "connections that one worker holds at once"},
	{.name = "stop_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(stop_timeout),
	 .fallback = "10s",
	 .max = HOUR,
	 .help = "how long workers may finish what they have when stopping"},
	{.name = "worker_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(worker_timeout),
	 .fallback = "30s",
	 .max = HOUR,
	 .help = "a worker whose loop has not turned for so long hangs and is replaced; 0: never"},
	{.name = "worker_max_requests",
	 .type = CONF_INT,
	 .offset = AT(worker_max_requests),
	 .fallback = "0",
	 .max = UINT32_MAX,
	 .help = "a worker is recycled after so many packets, give or take a tenth; 0: never"},
	{.name = "worker_max_memory",
	 .type = CONF_SIZE,
	 .offset = AT(worker_max_memory),
	 .fallback = "0",
	 .max = (uint64_t)1 << 40,
	 .help = "a worker is recycled when it holds more memory; 0: never"},
	{.name = "backlog",
	 .type = CONF_INT,
	 .offset = AT(backlog),
	 .fallback = "1024",
	 .min = 1,
	 .max = 65535,
	 .help = "connections that may wait to be accepted"},
	{.name = "max_message",
	 .type = CONF_SIZE,
	 .offset = AT(max_message),
	 .fallback = "1M",
	 .min = 1024,
	 .max = 256 << 20,
	 .help = "largest packet in bytes"},
	{.name = "strict_payloadsize",
	 .type = CONF_BOOL,
	 .offset = AT(strict_payloadsize),
	 .fallback = "no",
	 .help = "refuse a request whose payloadsize is not its payload's true length"},
	{.name = "idle_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(idle_timeout),
	 .fallback = "10m",
	 .max = 168 * HOUR,
	 .help = "close a connection that was silent for so long; 0: never"},
	{.name = "user",
	 .type = CONF_TEXT,
	 .offset = AT(isolation.user),
	 .max = 256,
	 .help = "whom workers become; empty: for root policypool or else nobody"},
	{.name = "group",
	 .type = CONF_TEXT,
	 .offset = AT(isolation.group),
	 .max = 256,
	 .help = "the only group of workers; empty: those of the user"},
	{.name = "no_new_privs",
	 .type = CONF_BOOL,
	 .offset = AT(isolation.no_new_privs),
	 .fallback = "yes",
	 .help = "workers can gain no privilege by executing a program"},
	{.name = "drop_capabilities",
	 .type = CONF_BOOL,
	 .offset = AT(isolation.drop_capabilities),
	 .fallback = "yes",
	 .help = "workers have no capabilities, even as root"},
	{.name = "close_descriptors",
	 .type = CONF_BOOL,
	 .offset = AT(isolation.close_descriptors),
	 .fallback = "yes",
	 .help = "workers keep no descriptor but those they serve with"},
	{.name = "seccomp",
	 .type = CONF_CHOICE,
	 .offset = AT(isolation.seccomp),
	 .fallback = "auto",
	 .choices = seccomp_names,
	 .help = "system calls that serving does not need end a worker; auto: where the kernel can"},
	{.name = "worker_umask",
	 .type = CONF_MODE,
	 .offset = AT(isolation.umask),
	 .fallback = "0077",
	 .max = 0777,
	 .help = "permissions that no file of a worker would have"},
	{.name = "worker_max_files",
	 .type = CONF_INT,
	 .offset = AT(isolation.max_files),
	 .fallback = "0",
	 .max = 1 << 30,
	 .help = "open descriptors of a worker; 0: what worker_connections needs"},
	{.name = "worker_core",
	 .type = CONF_SIZE,
	 .offset = AT(isolation.core),
	 .fallback = "0",
	 .max = (uint64_t)1 << 40,
	 .help = "largest core file of a worker; 0: none"},
	{.name = "worker_address_space",
	 .type = CONF_SIZE,
	 .offset = AT(isolation.address_space),
	 .fallback = "0",
	 .max = (uint64_t)1 << 46,
	 .help = "address space of a worker; 0: no limit"},
	{.name = "admin",
	 .type = CONF_TEXT,
	 .offset = AT(admin),
	 .max = ADDR_HOST,
	 .judge = judge_address,
	 .help = "PORT or HOST:PORT of pages for operators (metrics, health); empty: none"},
};

const size_t daemon_keys_n = sizeof daemon_keys / sizeof *daemon_keys;
