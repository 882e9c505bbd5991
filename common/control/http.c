/* http.c - see http.h. */
#include "http.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

enum { HOST_MAX = 255, BAD = 400, HAS_BODY = 413, OTHER_VERSION = 505 };

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{400, "Bad Request"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{413, "Content Too Large"},
	{421, "Misdirected Request"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{503, "Service Unavailable"},
	{505, "HTTP Version Not Supported"},
};

const char *
http_reason(int status)
{
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Answered";
}

/* ---- lines ---- */

/* The next line without its end, CRLF or LF; false when there is no whole one. */
static bool
next_line(struct span *rest, struct span *line)
{
	const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
	size_t n;

	if (end == NULL)
		return false;
	n = (size_t)(end - rest->p);
	*line = span_of(rest->p, n > 0 && rest->p[n - 1] == '\r' ? n - 1 : n);
	*rest = span_of(end + 1, rest->n - n - 1);
	return true;
}

static bool
is_token(struct span s)
{
	static const char others[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      (c != '\0' && strchr(others, c) != NULL)))
			return false;
	}
	return s.n > 0;
}

/* Neither blanks nor control characters. */
static bool
is_visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

static struct span
trimmed(struct span s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_of(s.p + 1, s.n - 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* What stands before the first c; *rest is what follows it, or empty. */
static struct span
before(struct span s, char c, struct span *rest)
{
	const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);
	size_t n = at == NULL ? s.n : (size_t)(at - s.p);

	*rest = at == NULL ? span_of(NULL, 0) : span_of(at + 1, s.n - n - 1);
	return span_of(s.p, n);
}

static bool
is_named(struct span s, const char *name)
{
	return s.n == strlen(name) && strncasecmp(s.p, name, s.n) == 0;
}

/* ---- hosts ---- */

/* host, host:port or [address]:port; false when it is neither. */
static bool
split_host(struct span s, struct span *host)
{
	struct span rest, port;

	if (s.n > HOST_MAX + 8)
		return false;
	if (s.n > 0 && s.p[0] == '[') {
		*host = before(span_of(s.p + 1, s.n - 1), ']', &rest);
		if (host->n + 2 > s.n || (rest.n > 0 && rest.p[0] != ':'))
			return false;
		port = rest.n > 0 ? span_of(rest.p + 1, rest.n - 1) : rest;
	} else {
		*host = before(s, ':', &port);
	}
	for (size_t i = 0; i < port.n; i++)
		if (port.p[i] < '0' || port.p[i] > '9')
			return false;
	return host->n <= HOST_MAX && (host->n == 0 || is_visible(*host));
}

/* As a string, without a dot at its end; false where it is too long. */
static bool
host_text(struct span host, char text[HOST_MAX + 1])
{
	if (host.n == 0 || host.n > HOST_MAX || memchr(host.p, '\0', host.n) != NULL)
		return false;
	memcpy(text, host.p, host.n);
	text[host.n - (host.p[host.n - 1] == '.')] = '\0';
	return true;
}

bool
http_host_is_plain(struct span host)
{
	unsigned char address[sizeof(struct in6_addr)];
	char text[HOST_MAX + 1];

	return host_text(host, text) &&
	       (strcasecmp(text, "localhost") == 0 || inet_pton(AF_INET, text, address) == 1 ||
		inet_pton(AF_INET6, text, address) == 1);
}

bool
http_host_is(struct span host, const char *name)
{
	char text[HOST_MAX + 1];

	return host_text(host, text) && strcasecmp(text, name) == 0;
}

/* ---- the request ---- */

/* "/path?query" or "http://host/path?query"; the host in it goes before the header's. */
static bool
take_target(struct span target, struct http_request *out, bool *has_host)
{
	static const char scheme[] = "http://";
	const size_t n = sizeof scheme - 1;
	struct span query;

	if (target.n > n && strncasecmp(target.p, scheme, n) == 0) {
		struct span rest = span_of(target.p + n, target.n - n), path;
		if (!split_host(before(rest, '/', &path), &out->host) || out->host.n == 0)
			return false;
		*has_host = true;
		target = path.p == NULL ? span_str("/") : span_of(path.p - 1, path.n + 1);
	}
	if (target.n == 0 || target.p[0] != '/')
		return false;
	out->path = before(target, '?', &query);
	return true;
}

static int
take_first_line(struct span line, struct http_request *out, bool *has_host)
{
	struct span rest, target, version;

	out->method = before(line, ' ', &rest);
	target = before(rest, ' ', &version);
	if (!is_token(out->method) || !is_visible(target) || version.n != 8 ||
	    memcmp(version.p, "HTTP/", 5) != 0)
		return BAD;
	if (!span_eq_str(version, "HTTP/1.0") && !span_eq_str(version, "HTTP/1.1"))
		return OTHER_VERSION;
	return take_target(target, out, has_host) ? HTTP_FINE : BAD;
}

struct http_seen {
	bool target_host; /* the target names the host */
	unsigned hosts;
	bool body;
};

static bool
take_field(struct span line, struct http_request *out, struct http_seen *seen)
{
	struct span value, name = before(line, ':', &value), host;

	if (value.p == NULL || !is_token(name))
		return false; /* no colon, a blank before it, or a line that goes on */
	value = trimmed(value);
	if (is_named(name, "Host")) {
		if (++seen->hosts > 1 || !split_host(value, &host))
			return false;
		if (!seen->target_host)
			out->host = host;
	} else if (is_named(name, "Transfer-Encoding") ||
		   (is_named(name, "Content-Length") && !span_eq_str(value, "0"))) {
		seen->body = true;
	}
	return true;
}

/* The head ends with an empty line. */
static bool
is_whole(struct span text)
{
	struct span line;

	while (next_line(&text, &line))
		if (line.n == 0)
			return true;
	return false;
}

bool
http_only_looks(const struct http_request *r)
{
	return span_eq_str(r->method, "GET") || span_eq_str(r->method, "HEAD");
}

int
http_parse(struct span text, struct http_request *out)
{
	struct http_seen seen = {.hosts = 0};
	struct span line, first;
	bool new_version;
	int status;

	*out = (struct http_request){.host = span_of(NULL, 0)};
	if (!is_whole(text))
		return HTTP_MORE;
	if (!next_line(&text, &first))
		return BAD;
	status = take_first_line(first, out, &seen.target_host);
	if (status != HTTP_FINE)
		return status;
	while (next_line(&text, &line) && line.n > 0)
		if (!take_field(line, out, &seen))
			return BAD;
	new_version = first.p[first.n - 1] == '1';
	if (new_version && seen.hosts == 0)
		return BAD;
	return seen.body && http_only_looks(out) ? HAS_BODY : HTTP_FINE;
}
