/* server_once.c - see server_once.h. */
#include "server_once.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"
#include "frame.h"
#include "job_stderr.h"
#include "log.h"
#include "server_master.h"

enum { PACKET_MAX = 64 << 20, CONNECT_MS = 10000 };

struct once {
	struct server_master m;
	struct master_ops ops;
	struct buf packet;
	struct conn_loop *loop;
	struct conn *conn; /* NULL: none */
	bool answered;
};

static struct once *
once_of(struct master *base)
{
	return (struct once *)base;
}

/* ---- the one request ---- */

static void
leave(struct once *o)
{
	o->conn = NULL;
	supervisor_stop(o->m.base.supervisor, false);
}

static void
fail(struct once *o, const char *why)
{
	(void)fprintf(stderr, "ppool-server: --once: no answer: %s\n", why);
	leave(o);
}

static int
lost_output(void)
{
	(void)fprintf(stderr, "ppool-server: --once: standard output: %s\n", strerror(errno));
	return 1;
}

/* An error is shown as it came, too. */
static void
on_packet(struct conn *c, struct span text, void *arg)
{
	struct packet_fault fault;
	struct once *o = arg;
	struct packet p;

	if (printf("%.*s\n", SPAN_ARG(text)) < 0 || fflush(stdout) != 0)
		(void)lost_output();
	else
		o->answered = packet_parse(&p, text, &fault) == 0 && p.type == PACKET_REPLY;
	conn_close(c);
	leave(o);
}

static void
on_fault(struct conn *c, int error, void *arg)
{
	conn_close(c);
	fail(arg, error == EMSGSIZE ? "it is too large" : "what came is no packet");
}

static void
on_eof(struct conn *c, bool cut, void *arg)
{
	(void)cut;
	conn_close(c);
	fail(arg, "the worker has ended, see above");
}

static void
on_close(struct conn *c, int error, void *arg)
{
	fail(arg, conn_why(c, error));
}

static const struct conn_ops ops = {
	.on_packet = on_packet, .on_fault = on_fault, .on_eof = on_eof, .on_close = on_close};

/* Workers serve. */
static void
serving(struct master *base)
{
	struct once *o = once_of(base);

	if (o->conn != NULL)
		return;
	o->conn = conn_connect(o->loop, listen_socket_main(&base->listen), CONNECT_MS, &ops, o);
	if (o->conn == NULL || conn_write(o->conn, buf_span(&o->packet)) < 0)
		fail(o, strerror(errno));
}

static int
open_all(struct master *base)
{
	struct once *o = once_of(base);

	o->loop = conn_loop_new(base->base, PACKET_MAX);
	return o->loop == NULL ? -1 : server_master_ops.open(base);
}

static void
after_fork(unsigned slot, void *arg)
{
	struct once *o = arg;

	conn_loop_free(o->loop);
	o->loop = NULL;
	server_master_ops.after_fork(slot, arg);
}

static void
close_all(struct master *base)
{
	conn_loop_free(once_of(base)->loop);
	server_master_ops.close(base);
}

/* ---- from the command line ---- */

static const char flag[] = "--once";

bool
server_once_is_asked(int argc, char *const argv[])
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], flag) == 0)
			return true;
	return false;
}

/* What may be said otherwise, the last of these by a file too; and what may not. */
static char before[][32] = {"--log-level=warn", "--id=once"};
static char after[][32] = {
	"--listen=127.0.0.1:0", "--revproc=",  "--no-revproc-tls", "--workers=1", "--control=none",
	"--pidfile=",		"--no-daemon", "--admin=",	   "--tls=off",	  "--narrate=no",
	"--log=stderr"};
enum { BEFORE = sizeof before / sizeof *before, AFTER = sizeof after / sizeof *after };

static bool
names_file(int argc, char *const argv[])
{
	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], "-c", 2) == 0 || strncmp(argv[i], "--config", 8) == 0)
			return true;
	return false;
}

/* The arguments with these around them; ended by NULL, to be freed.  NULL on ENOMEM. */
static char **
surround(int argc, char *argv[], int *n)
{
	char **out = calloc((size_t)argc + BEFORE + AFTER + 1, sizeof *out);

	*n = 0;
	if (out == NULL)
		return NULL;
	out[(*n)++] = argv[0];
	for (int i = 0; i < BEFORE - names_file(argc, argv); i++)
		out[(*n)++] = before[i];
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], flag) != 0)
			out[(*n)++] = argv[i];
	for (int i = 0; i < AFTER; i++)
		out[(*n)++] = after[i];
	return out;
}

static int
wrong_input(const char *why)
{
	(void)fprintf(stderr, "ppool-server: --once: standard input: %s\n", why);
	return -1;
}

/* One packet, and nothing else but white space: the server would wait for the rest of one that is
 * not whole.  0, or -1 told. */
static int
read_packet(struct buf *packet)
{
	struct buf in = BUF_INIT;
	struct span text = span_of(NULL, 0);
	struct frame frame;
	char chunk[65536];
	ssize_t n;
	int rc = -1;

	while ((n = read(STDIN_FILENO, chunk, sizeof chunk)) > 0 && buf_len(&in) <= PACKET_MAX)
		if (buf_append_span(&in, span_of(chunk, (size_t)n)) < 0) {
			n = -1;
			break;
		}
	frame_init(&frame, PACKET_MAX);
	if (n < 0)
		rc = wrong_input(strerror(errno));
	else if (frame_next(&frame, &in, &text) == FRAME_MORE)
		rc = wrong_input(frame_partial(&frame, &in) ? "it ends within the packet"
							    : "a packet is expected there");
	else if (text.n == 0)
		rc = wrong_input(errno == EMSGSIZE ? "it is too large" : "it is no JSON object");
	else if (buf_append_span(packet, text) == 0 && buf_append_str(packet, "\n") == 0)
		rc = frame_next(&frame, &in, &text) == FRAME_MORE && !frame_partial(&frame, &in)
			     ? 0
			     : wrong_input("there is more than one packet");
	buf_release(&in);
	return rc;
}

int
server_once(int argc, char *argv[])
{
	static struct once o;
	int n, status;
	char **all;

	if (fcntl(STDOUT_FILENO, F_GETFD) < 0) /* or the answer would go to what is opened there */
		return lost_output();
	all = surround(argc, argv, &n);
	if (all == NULL || read_packet(&o.packet) < 0) {
		free(all);
		return 1;
	}
	job_stderr_show();
	o.ops = server_master_ops;
	o.ops.open = open_all;
	o.ops.after_fork = after_fork;
	o.ops.serving = serving;
	o.ops.close = close_all;
	status = master_main(&o.m.base, &o.ops, n, all);
	free(all);
	buf_release(&o.packet);
	return status == 0 && !o.answered ? 1 : status;
}
