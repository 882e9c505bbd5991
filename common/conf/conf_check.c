/* conf_check.c - see conf_check.h. */
#include "conf_check.h"

#include <string.h>
#include <strings.h>

#include "addr.h"
#include "json_string.h"

const char *
conf_check_id(const char *text)
{
	const char *end = text + strlen(text);

	for (const char *p = text; p < end;) {
		size_t n = (unsigned char)*p < 0x80 ? 1 : json_string_utf8(p, end);
		if (n == 0)
			return "it is not UTF-8";
		if (n == 1 && ((unsigned char)*p < 0x20 || *p == '"' || *p == '\\' || *p == 0x7f))
			return "control characters, quotes and backslashes cannot be part of it";
		p += n;
	}
	return NULL;
}

const char *
conf_check_policy(const char *text)
{
	if (strchr(text, ',') != NULL)
		return "a comma cannot be part of it: a server serves one policy";
	return conf_check_id(text);
}

static const char *
judge_address(const char *text, uint16_t *port)
{
	char host[ADDR_HOST];
	const char *why;

	return addr_split(text, host, port, &why) < 0 ? why : NULL;
}

const char *
conf_check_listen(const char *text)
{
	struct addr a;
	const char *why;
	uint16_t port;

	if (addr_is_unix_text(text))
		return addr_unix(&a, text, &why) < 0 ? why : NULL;
	return judge_address(text, &port);
}

const char *
conf_check_peer(const char *text)
{
	struct addr at;
	uint16_t port = 0;
	const char *why = NULL;

	if (addr_is_unix_text(text))
		return addr_unix(&at, text, &why) < 0 ? why : NULL;
	why = text[0] == '\0' ? NULL : judge_address(text, &port);

	return why == NULL && text[0] != '\0' && port == 0 ? "there is no port 0 to connect to"
							   : why;
}

/* The host as a number where it is one, so that spellings of it are the same. */
static bool
read_peer(const char *text, char host[ADDR_HOST], struct addr *at, uint16_t *port, bool *numeric)
{
	const char *why;

	if (addr_split(text, host, port, &why) < 0)
		return false;
	*numeric = addr_numeric(at, host[0] != '\0' ? host : "127.0.0.1", *port) == 0;
	return true;
}

bool
conf_check_same_peer(const char *a, const char *b)
{
	char host[2][ADDR_HOST];
	bool numeric[2];
	uint16_t port[2];
	struct addr at[2];

	if (addr_is_unix_text(a) || addr_is_unix_text(b))
		return strcmp(a, b) == 0;
	if (!read_peer(a, host[0], &at[0], &port[0], &numeric[0]) ||
	    !read_peer(b, host[1], &at[1], &port[1], &numeric[1]) || numeric[0] != numeric[1])
		return false;
	return numeric[0] ? addr_eq(&at[0], &at[1])
			  : port[0] == port[1] && strcasecmp(host[0], host[1]) == 0;
}

const char *
conf_check_peers(const char *const item[], size_t n, size_t *at)
{
	for (*at = 0; *at < n; ++*at) {
		if (*at == CONF_PEERS_MAX)
			return "there are more than 16";
		for (size_t i = 0; i < *at; i++)
			if (conf_check_same_peer(item[i], item[*at]))
				return "it is there twice";
	}
	return NULL;
}

const char *
conf_check_path(const char *text)
{
	return text[0] == '\0' || text[0] == '/' ? NULL : "the path must begin with /";
}
