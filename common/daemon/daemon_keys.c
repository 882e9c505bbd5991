/* daemon_keys.c - the settings that both daemons share; see daemon.h. */
#include <string.h>

#include "addr.h"
#include "conf_check.h"
#include "daemon.h"

#define AT(member)	       offsetof(struct daemon_conf, member)
#define TEXT_OF(x)	       #x
#define TEXT(macro)	       TEXT_OF(macro)
#define HOUR		       ((uint64_t)3600 * 1000)

#define LEVEL_NAME(name, text) text,
static const char *const level_names[] = {LOG_LEVELS(LEVEL_NAME) NULL};
static const char *const format_names[] = {"logfmt", "json", NULL};
static const char *const tls_names[] = {"off", "optional", "required", NULL};
static const char *const verify_names[] = {"no", "optional", "required", NULL};
static const char *const narrate_names[] = {"auto", "yes", "no", NULL};

static const char *const scheduling_names[] = {"auto", "inherit", "batch",
					       NULL}; /* enum sched_policy_mode */
static const char *const isolation_names[] = {"auto",	    "strict", "log",
					      "unfiltered", "none",   NULL}; /* enum isolation */
/* What it replaces. */
static const struct conf_former isolation_former[] = {
	{"no_new_privs", "nothing for yes, isolation = none for no"},
	{"drop_capabilities", "nothing for yes, isolation = none for no"},
	{"close_descriptors", "nothing for yes, isolation = none for no"},
	{"seccomp", "isolation = strict for yes, unfiltered for no, log for log"},
	{NULL, NULL}};

static const char *
judge_log(const char *text)
{
	if (strcmp(text, "stderr") == 0 || strcmp(text, "syslog") == 0 ||
	    conf_check_path(text) == NULL)
		return NULL;
	return "neither stderr, syslog nor an absolute path";
}

static const char *
judge_control(const char *text)
{
	if (strcmp(text, "none") == 0 || conf_check_path(text) == NULL)
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

static const char *
judge_name(const char *text)
{
	static const char chars[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

	return text[0] != '\0' && text[strspn(text, chars)] == '\0'
		       ? NULL
		       : "a host name, without a port, is needed";
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
	 .judge = conf_check_path,
	 .fixed = true,
	 .help = "where the pid is kept; empty: in runtime_dir when detached, none in front"},
	{.name = "runtime_dir",
	 .type = CONF_TEXT,
	 .offset = AT(runtime_dir),
	 .max = 4096,
	 .judge = conf_check_path,
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
	 .help = "permissions of the control socket: which users may look"},
	{.name = "log",
	 .type = CONF_TEXT,
	 .offset = AT(log),
	 .max = 4096,
	 .judge = judge_log,
	 .help = "stderr, syslog or a file; empty: stderr, detached syslog or a file in runtime_dir"},
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
	{.name = "log_rate",
	 .type = CONF_INT,
	 .offset = AT(log_rate),
	 .fallback = "5",
	 .max = 100000,
	 .help = "lines a second of each kind that peers cause, a process; 0: no limit"},
	{.name = "narrate",
	 .type = CONF_CHOICE,
	 .offset = AT(narrate),
	 .fallback = "auto",
	 .choices = narrate_names,
	 .help = "tell every packet on standard output; auto: on a terminal only"},
	{.name = "workers",
	 .type = CONF_INT,
	 .offset = AT(workers),
	 .fallback = "0",
	 .max = DAEMON_WORKERS_MAX,
	 .help = "worker processes; 0: as many as CPUs"},
	{.name = "worker_connections",
	 .type = CONF_INT,
	 .offset = AT(worker_connections),
	 .fallback = TEXT(DAEMON_CONNECTIONS),
	 .min = 1,
	 .max = 1000000,
	 .help = "connections that one worker holds at once"},
	{.name = "max_buffered",
	 .type = CONF_SIZE,
	 .offset = AT(max_buffered),
	 .fallback = "256M",
	 .max = (uint64_t)1 << 40,
	 .help = "bytes that one worker holds for its peers (packets, TLS sessions); 0: no limit"},
	{.name = "stop_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(stop_timeout),
	 .fallback = "10s",
	 .max = HOUR,
	 .help = "how long workers may finish what they have when stopping"},
	{.name = "upgrade_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(upgrade_timeout),
	 .fallback = "30s",
	 .min = 100,
	 .max = HOUR,
	 .help = "how long a successor may take until it serves; then it is ended and this process goes on"},
	{.name = "worker_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(worker_timeout),
	 .fallback = "30s",
	 .max = HOUR,
	 .help = "a worker with a loop that has not turned for so long hangs and is replaced; 0: never"},
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
	{.name = "scheduling",
	 .type = CONF_CHOICE,
	 .offset = AT(scheduling),
	 .fallback = "auto",
	 .choices = scheduling_names,
	 .help = "how workers are scheduled: auto (batch, but not beside programs that never pause), "
		 "inherit or batch"},
	{.name = "busy_poll",
	 .type = CONF_INT,
	 .offset = AT(busy_poll),
	 .fallback = "20",
	 .max = 1000,
	 .help = "microseconds that an idle worker looks on before it sleeps, if that pays; 0: never"},
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
	 .help = "refuse a request if its payloadsize is not its payload's true length"},
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
	 .help = "the user of workers; empty: for root policypool or else nobody"},
	{.name = "group",
	 .type = CONF_TEXT,
	 .offset = AT(isolation.group),
	 .max = 256,
	 .help = "the only group of workers; empty: those of the user"},
	{.name = "isolation",
	 .type = CONF_CHOICE,
	 .offset = AT(isolation.level),
	 .fallback = "auto",
	 .choices = isolation_names,
	 .former = isolation_former,
	 .help = "what workers give up: privileges, descriptors, system calls; auto: what can be"},
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
	 .fixed = true,
	 .help = "PORT or HOST:PORT of pages for operators (metrics, health); empty: none"},
	{.name = "admin_names",
	 .type = CONF_LIST,
	 .offset = AT(admin_names),
	 .max = ADDR_HOST,
	 .judge = judge_name,
	 .help = "host names by which the pages may be asked for, beside addresses and localhost"},
	{.name = "tls",
	 .type = CONF_CHOICE,
	 .offset = AT(tls.mode),
	 .fallback = "off",
	 .choices = tls_names,
	 .help = "TLS on the listener: off, optional (plain and TLS on the same port) or required"},
	{.name = "tls_certificate",
	 .type = CONF_TEXT,
	 .offset = AT(tls.certificate),
	 .max = 4096,
	 .judge = conf_check_path,
	 .help = "PEM file of the listener's certificate and those that lead to its CA"},
	{.name = "tls_key",
	 .type = CONF_TEXT,
	 .offset = AT(tls.key),
	 .max = 4096,
	 .judge = conf_check_path,
	 .help = "PEM file of its key, which others must not be able to read"},
	{.name = "tls_client_ca",
	 .type = CONF_TEXT,
	 .offset = AT(tls.client_ca),
	 .max = 4096,
	 .judge = conf_check_path,
	 .help = "PEM file of the CAs that sign certificates of clients"},
	{.name = "tls_client_crl",
	 .type = CONF_TEXT,
	 .offset = AT(tls.client_crl),
	 .max = 4096,
	 .judge = conf_check_path,
	 .help = "PEM file of certificates that these CAs have revoked; empty: none"},
	{.name = "tls_verify_client",
	 .type = CONF_CHOICE,
	 .offset = AT(tls.verify_client),
	 .fallback = "no",
	 .choices = verify_names,
	 .help = "certificates of clients: no (not asked for), optional or required"},
	{.name = "tls_priorities",
	 .type = CONF_TEXT,
	 .offset = AT(tls.priorities),
	 .fallback = TLS_PRIORITIES,
	 .max = 1024,
	 .help = "versions and ciphers, in GnuTLS's words; TLS 1.2 at least"},
	{.name = "tls_handshake_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(tls.handshake_timeout),
	 .fallback = "5s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long a TLS handshake may take"},
	{.name = "tls_handshakes",
	 .type = CONF_INT,
	 .offset = AT(tls.handshakes),
	 .fallback = "1024",
	 .min = 1,
	 .max = 1000000,
	 .help = "TLS handshakes that one worker has under way at once; more are turned off"},
};

const size_t daemon_keys_n = sizeof daemon_keys / sizeof *daemon_keys;
