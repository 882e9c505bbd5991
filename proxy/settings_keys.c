/* settings_keys.c - the settings of ppool-proxy alone, one by one; see settings.h. */
#include <string.h>

#include "access.h"
#include "balance.h"
#include "bypolicy.h"
#include "limiter.h"
#include "packet.h"
#include "prober.h"
#include "settings.h"
#include "verify.h"

#define AT(member) offsetof(struct proxy_conf, member)
#define HOUR	   ((uint64_t)3600 * 1000)

static const char *
judge_id(const char *text)
{
	if (text[0] == '\0')
		return "an id cannot be empty";
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f)
			return "control characters, quotes and backslashes cannot be part of it";
	return NULL;
}

static const char *
judge_address(const char *text)
{
	char host[ADDR_HOST];
	uint16_t port;
	const char *why;

	return addr_split(text, host, &port, &why) < 0 ? why : NULL;
}

static const char *
judge_number(const char *value)
{
	return bypolicy_is_number(value, 1, 1000000) ? NULL : "not a number within 1 to 1000000";
}

static const char *
judge_length(const char *item)
{
	return bypolicy_judge(item, judge_number);
}

static const char *
judge_network(const char *text)
{
	struct addr_net net;
	const char *why;

	return addr_net_parse(&net, text, &why) < 0 ? why : NULL;
}

static const char *
judge_path(const char *text)
{
	return text[0] == '/' ? NULL : "the path must begin with /";
}

static const char *
judge_state_file(const char *text)
{
	if (strcmp(text, "none") == 0 || text[0] == '/')
		return NULL;
	return "neither none nor an absolute path";
}

static const char *
judge_client_network(const char *item)
{
	return bypolicy_judge(item, judge_network);
}

static const char *
judge_verify_value(const char *value)
{
	return bypolicy_is_word(value, verify_words) ? NULL : "neither shape nor digest";
}

static const char *
judge_verify(const char *item)
{
	return bypolicy_judge(item, judge_verify_value);
}

static const char *
judge_check_value(const char *value)
{
	return bypolicy_is_word(value, prober_words) ? NULL : "neither off, connect nor request";
}

static const char *
judge_check(const char *item)
{
	return bypolicy_judge(item, judge_check_value);
}

#define ACCESS_NAME(name, text) text,
static const char *const access_names[] = {ACCESS_MODES(ACCESS_NAME) NULL};
static const char *const server_tls_names[] = {"announced", "required", NULL};

const struct conf_key proxy_keys[] = {
	{.name = "id",
	 .type = CONF_TEXT,
	 .offset = AT(id),
	 .fallback = "proxy",
	 .min = 1,
	 .max = PACKET_ID_MAX,
	 .judge = judge_id,
	 .help = "what the proxy calls itself in its own answers"},
	{.name = "listen",
	 .original = "port",
	 .type = CONF_TEXT,
	 .offset = AT(listen),
	 .fallback = "2100",
	 .max = ADDR_HOST,
	 .judge = judge_address,
	 .help = "PORT or HOST:PORT to serve on; port 0 takes a free one, no host means 127.0.0.1"},
	{.name = "trusted_networks",
	 .type = CONF_LIST,
	 .offset = AT(trusted_networks),
	 .fallback = "127.0.0.0/8,::1/128",
	 .judge = judge_network,
	 .help = "networks that unsigned registrations are taken from"},
	{.name = "keyring",
	 .type = CONF_TEXT,
	 .offset = AT(keyring),
	 .judge = judge_path,
	 .help = "file of the keys that sign registrations; empty: none are taken"},
	{.name = "cluster",
	 .type = CONF_TEXT,
	 .offset = AT(cluster),
	 .fallback = "policypool",
	 .min = 1,
	 .max = PACKET_ID_MAX,
	 .judge = judge_id,
	 .help = "name of the pool, which is part of what is signed"},
	{.name = "require_signature",
	 .type = CONF_BOOL,
	 .offset = AT(require_signature),
	 .fallback = "no",
	 .help = "take no unsigned registration, from trusted_networks neither"},
	{.name = "refusals_per_address",
	 .type = CONF_INT,
	 .offset = AT(refusals_per_address),
	 .fallback = "10",
	 .max = 1000000,
	 .help = "refused registrations a second that an address may cause; 0: no limit"},
	{.name = "allow",
	 .type = CONF_LIST,
	 .offset = AT(allow),
	 .judge = judge_client_network,
	 .help = "networks that requests are taken from, or POLICY=NETWORK; empty: all"},
	{.name = "deny",
	 .type = CONF_LIST,
	 .offset = AT(deny),
	 .judge = judge_client_network,
	 .help = "networks that requests are not taken from, or POLICY=NETWORK"},
	{.name = "rate_per_address",
	 .type = CONF_INT,
	 .offset = AT(rate_per_address),
	 .fallback = "0",
	 .max = LIMITER_RATE_MAX,
	 .help = "requests a second from an address; 0: no limit"},
	{.name = "burst_per_address",
	 .type = CONF_INT,
	 .offset = AT(burst_per_address),
	 .fallback = "0",
	 .max = LIMITER_RATE_MAX,
	 .help = "requests at once from an address; 0: as many as its rate"},
	{.name = "rate_per_srcid",
	 .type = CONF_INT,
	 .offset = AT(rate_per_srcid),
	 .fallback = "0",
	 .max = LIMITER_RATE_MAX,
	 .help = "requests a second from a srcid; 0: no limit"},
	{.name = "burst_per_srcid",
	 .type = CONF_INT,
	 .offset = AT(burst_per_srcid),
	 .fallback = "0",
	 .max = LIMITER_RATE_MAX,
	 .help = "requests at once from a srcid; 0: as many as its rate"},
	{.name = "max_servers",
	 .type = CONF_INT,
	 .offset = AT(max_servers),
	 .fallback = "4096",
	 .min = 1,
	 .max = 65535,
	 .fixed = true,
	 .help = "servers that can be registered at once"},
	{.name = "max_policies",
	 .type = CONF_INT,
	 .offset = AT(max_policies),
	 .fallback = "1024",
	 .min = 1,
	 .max = 65535,
	 .fixed = true,
	 .help = "policies that can be known at once"},
	{.name = "access_log",
	 .type = CONF_CHOICE,
	 .offset = AT(access_log),
	 .fallback = "off",
	 .choices = access_names,
	 .help = "which requests are worth a line"},
	{.name = "access_sample",
	 .type = CONF_INT,
	 .offset = AT(access_sample),
	 .fallback = "100",
	 .min = 1,
	 .max = 1000000,
	 .help = "sampled: one in so many requests without error, and every error"},
	{.name = "access_log_file",
	 .type = CONF_TEXT,
	 .offset = AT(access_log_file),
	 .max = 4096,
	 .judge = judge_path,
	 .help = "where those lines go; empty: where the log goes"},
	{.name = "state_file",
	 .type = CONF_TEXT,
	 .offset = AT(state_file),
	 .max = 4096,
	 .judge = judge_state_file,
	 .fixed = true,
	 .help = "where the servers are remembered, or none; empty: in /var/lib/policypool when detached"},
	{.name = "state_max_age",
	 .type = CONF_DURATION,
	 .offset = AT(state_max_age),
	 .fallback = "1d",
	 .max = 8760 * HOUR,
	 .help = "servers remembered longer ago are not believed in; 0: all are"},
	{.name = "server_connections",
	 .type = CONF_INT,
	 .offset = AT(server_connections),
	 .fallback = "4",
	 .min = 1,
	 .max = 1024,
	 .help = "connections that one worker keeps to one server"},
	{.name = "plain_message",
	 .type = CONF_INT,
	 .offset = AT(plain_message),
	 .fallback = "2048",
	 .min = 256,
	 .max = 1 << 20,
	 .help = "largest request in bytes that a plain server is sent"},
	{.name = "client_pipeline",
	 .type = CONF_INT,
	 .offset = AT(client_pipeline),
	 .fallback = "128",
	 .min = 1,
	 .max = 65535,
	 .help = "requests taken from one client connection before its first is answered"},
	{.name = "queue_length",
	 .type = CONF_INT,
	 .offset = AT(queue_length),
	 .fallback = "10000",
	 .min = 1,
	 .max = 1000000,
	 .help = "requests of one worker that may wait for a server"},
	{.name = "policy_queue_length",
	 .type = CONF_LIST,
	 .offset = AT(policy_queue_length),
	 .fallback = "5000",
	 .judge = judge_length,
	 .help = "those of them that may be of one policy; for all policies, or POLICY=..."},
	{.name = "balance",
	 .type = CONF_LIST,
	 .offset = AT(balance),
	 .fallback = "roundrobin",
	 .judge = balance_judge,
	 .help = "how requests are shared out: roundrobin, weighted, leastconn, random2, hash or hash:KEY, for all policies, or POLICY=..."},
	{.name = "retries",
	 .type = CONF_INT,
	 .offset = AT(retries),
	 .fallback = "3",
	 .max = 100,
	 .help = "further tries of a request whose server failed"},
	{.name = "retry_budget",
	 .type = CONF_INT,
	 .offset = AT(retry_budget),
	 .fallback = "20",
	 .max = 100,
	 .help = "percent of the requests of one worker that may be further tries at once; 3 may always"},
	{.name = "queue_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(queue_timeout),
	 .fallback = "3s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long a request may wait for a server"},
	{.name = "connect_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(connect_timeout),
	 .fallback = "1s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long connecting to a server may take"},
	{.name = "reply_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(reply_timeout),
	 .fallback = "10s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long a server may take to reply"},
	{.name = "request_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(request_timeout),
	 .fallback = "30s",
	 .max = HOUR,
	 .help = "how long a request may take from its arrival to its answer; 0: no limit"},
	{.name = "verify",
	 .type = CONF_LIST,
	 .offset = AT(verify),
	 .fallback = "shape",
	 .judge = judge_verify,
	 .help = "what is checked of replies, for all or POLICY=: shape, digest"},
	{.name = "eject_after",
	 .type = CONF_INT,
	 .offset = AT(eject_after),
	 .fallback = "3",
	 .max = 1000,
	 .help = "a server is ejected after so many incidents in a row; 0: never"},
	{.name = "eject_time",
	 .type = CONF_DURATION,
	 .offset = AT(eject_time),
	 .fallback = "2s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long a server is ejected, times its ejections so far"},
	{.name = "eject_max",
	 .type = CONF_DURATION,
	 .offset = AT(eject_max),
	 .fallback = "1m",
	 .min = 10,
	 .max = 24 * HOUR,
	 .help = "how long a server is ejected at most; an ejection is forgotten after so long"},
	{.name = "eject_share",
	 .type = CONF_INT,
	 .offset = AT(eject_share),
	 .fallback = "50",
	 .max = 100,
	 .help = "percent of a policy's servers that may be ejected at once"},
	{.name = "slow_start",
	 .type = CONF_DURATION,
	 .offset = AT(slow_start),
	 .fallback = "10s",
	 .max = HOUR,
	 .help = "how long the share of a server grows after its return; 0: at once"},
	{.name = "health_check",
	 .type = CONF_LIST,
	 .offset = AT(health_check),
	 .fallback = "off",
	 .judge = judge_check,
	 .help = "how servers are checked without a cause, for all or POLICY=: off, connect, request"},
	{.name = "check_interval",
	 .type = CONF_DURATION,
	 .offset = AT(check_interval),
	 .fallback = "2s",
	 .min = 50,
	 .max = HOUR,
	 .help = "pause between two checks of a server"},
	{.name = "check_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(check_timeout),
	 .fallback = "1s",
	 .min = 10,
	 .max = HOUR,
	 .help = "how long a check may take"},
	{.name = "check_rise",
	 .type = CONF_INT,
	 .offset = AT(check_rise),
	 .fallback = "2",
	 .min = 1,
	 .max = 100,
	 .help = "passed checks in a row that an ejected server needs to return"},
	{.name = "check_fall",
	 .type = CONF_INT,
	 .offset = AT(check_fall),
	 .fallback = "3",
	 .min = 1,
	 .max = 100,
	 .help = "failed checks in a row that eject a server"},
	{.name = "client_send_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(client_send_timeout),
	 .fallback = "30s",
	 .max = HOUR,
	 .help = "how long a client may take to send a packet that it has begun; 0: no limit"},
	{.name = "client_read_timeout",
	 .type = CONF_DURATION,
	 .offset = AT(client_read_timeout),
	 .fallback = "30s",
	 .max = HOUR,
	 .help = "how long a client may take to read the answers that wait for it; 0: no limit"},
	{.name = "max_buffered",
	 .type = CONF_SIZE,
	 .offset = AT(max_buffered),
	 .fallback = "256M",
	 .max = (uint64_t)1 << 40,
	 .help = "bytes of requests and answers that one worker holds for clients; 0: no limit"},
	{.name = "server_tls",
	 .type = CONF_CHOICE,
	 .offset = AT(server_tls),
	 .fallback = "announced",
	 .choices = server_tls_names,
	 .help = "TLS to servers: announced (to those that announce it) or required (of all)"},
	{.name = "server_ca",
	 .type = CONF_TEXT,
	 .offset = AT(server.ca),
	 .max = 4096,
	 .judge = judge_path,
	 .help = "PEM file of the CAs that sign certificates of servers; empty: none with TLS are taken"},
	{.name = "server_name",
	 .type = CONF_TEXT,
	 .offset = AT(server.name),
	 .max = ADDR_HOST - 1,
	 .judge = judge_id,
	 .help = "name that every server's certificate must be for; empty: its address"},
	{.name = "server_verify",
	 .type = CONF_BOOL,
	 .offset = AT(server.verify),
	 .fallback = "yes",
	 .help = "verify certificates of servers; no: anybody in between can read and answer"},
	{.name = "server_certificate",
	 .type = CONF_TEXT,
	 .offset = AT(server.certificate),
	 .max = 4096,
	 .judge = judge_path,
	 .help = "PEM file of the certificate that the proxy shows to servers; empty: none"},
	{.name = "server_key",
	 .type = CONF_TEXT,
	 .offset = AT(server.key),
	 .max = 4096,
	 .judge = judge_path,
	 .help = "PEM file of its key"},
};

const size_t proxy_keys_n = sizeof proxy_keys / sizeof *proxy_keys;
