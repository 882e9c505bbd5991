/* conf_check.c - see conf_check.h. */
#include "conf_check.h"

#include <string.h>

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

const char *
conf_check_path(const char *text)
{
	return text[0] == '\0' || text[0] == '/' ? NULL : "the path must begin with /";
}
