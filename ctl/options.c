/* options.c - see options.h. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

enum { PID = 256, FOLLOW, SORT, POLICY, STATE, CSV, COLOR, HELP_ALL };

static void
usage(FILE *out, bool all)
{
	static const char first[] =
		"usage: ppool-ctl COMMAND [ARGUMENT ...] [OPTION ...]\n"
		"   as: ppool-ctl servers --state ejected,suspect\n"
		"\n"
		"  -p, --port PORT        the proxy on this port\n"
		"  -i, --id ID            the server with this id\n"
		"  -j, --json             print JSON\n"
		"  -o, --columns LIST     these columns, as in -o id,state,served\n"
		"  -w, --wide             all columns\n"
		"      --sort COLUMN      by this column; -COLUMN: the largest first\n";
	static const char more[] =
		"      --policy LIST      rows of these policies alone\n"
		"      --state LIST       rows in these states alone; !LIST: in none of them\n"
		"      --csv              print comma-separated values\n"
		"      --color WORD       auto, always or never\n"
		"  -s, --socket PATH      the daemon with this control socket\n"
		"      --pid PID          the daemon with this pid\n"
		"  -r, --runtime-dir DIR  directory of the control sockets\n"
		"  -h, --help             print the usual options and exit\n"
		"      --help-all         print every option and exit\n"
		"  -V, --version          print the version and exit\n";

	(void)fprintf(out, "%s%s", first, all ? more : "");
	(void)fputs("\nWithout -p, -i, -s or --pid the only daemon, or the only proxy, is used.\n",
		    out);
	command_usage(out);
	if (!all)
		(void)fputs(
			"\nppool-ctl --help-all lists all options; ppool-ctl(8) tells of each.\n",
			out);
}

void
options_hint(void)
{
	(void)fputs("ppool-ctl: try ppool-ctl --help\n", stderr);
}

/* "-1" is an argument, which its command judges. */
static bool
is_negative_number(const char *word)
{
	return word[0] == '-' && word[1] >= '0' && word[1] <= '9';
}

/* What belongs to the command, in the order given.  There is room for all. */
static void
keep(struct options *o, char *argument)
{
	o->args[o->n++] = argument;
}

static int
form(struct options *o, enum view_form form)
{
	if (o->view.form != VIEW_TEXT && o->view.form != form) {
		(void)fputs("ppool-ctl: only one of --json and --csv\n", stderr);
		return -1;
	}
	o->view.form = form;
	return 0;
}

/* 0, or -1 with what is wrong told. */
static int
take(struct options *o, int c)
{
	static char pages[] = "-n", seconds[] = "-d", follow[] = "--follow";
	struct rows_wish *w = &o->view.wish;
	struct target *t = &o->target;

	switch (c) {
	case 1: keep(o, optarg); break;
	case FOLLOW: keep(o, follow); break;
	case 'n':
	case 'd':
		keep(o, c == 'n' ? pages : seconds);
		keep(o, optarg);
		break;
	case 's': t->socket = optarg; break;
	case 'p': t->port = optarg; break;
	case 'i': t->id = optarg; break;
	case PID: t->pid = optarg; break;
	case 'r': o->runtime_dir = optarg; break;
	case 'j': return form(o, VIEW_JSON);
	case CSV: return form(o, VIEW_CSV);
	case 'o': w->columns = optarg; break;
	case 'w': o->view.wide = true; break;
	case SORT: w->sort = optarg; break;
	case POLICY: w->policy = optarg; break;
	case STATE: w->state = optarg; break;
	case COLOR: o->color = optarg; break;
	case 'h':
	case HELP_ALL: usage(stdout, c == HELP_ALL); exit(0);
	case 'V': (void)printf("ppool-ctl %s\n", POLICYPOOL_VERSION); exit(0);
	default: options_hint(); return -1;
	}
	return 0;
}

/* What no single option can be blamed for. */
static int
judge(struct options *o)
{
	const struct target *t = &o->target;

	if ((t->socket != NULL) + (t->port != NULL) + (t->id != NULL) + (t->pid != NULL) > 1) {
		(void)fputs("ppool-ctl: only one of -s, -p, -i and --pid\n", stderr);
		return -1;
	}
	if (o->n == 0) {
		usage(stderr, false);
		return -1;
	}
	if (view_open(&o->view, o->color) < 0) {
		(void)fprintf(stderr, "ppool-ctl: --color: auto, always or never\n");
		return -1;
	}
	return 0;
}

int
options_parse(struct options *o, int argc, char *argv[])
{
	static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
					      {"port", required_argument, NULL, 'p'},
					      {"id", required_argument, NULL, 'i'},
					      {"pid", required_argument, NULL, PID},
					      {"json", no_argument, NULL, 'j'},
					      {"csv", no_argument, NULL, CSV},
					      {"columns", required_argument, NULL, 'o'},
					      {"wide", no_argument, NULL, 'w'},
					      {"sort", required_argument, NULL, SORT},
					      {"policy", required_argument, NULL, POLICY},
					      {"state", required_argument, NULL, STATE},
					      {"color", required_argument, NULL, COLOR},
					      {"follow", no_argument, NULL, FOLLOW},
					      {"help", no_argument, NULL, 'h'},
					      {"help-all", no_argument, NULL, HELP_ALL},
					      {"version", no_argument, NULL, 'V'},
					      {"runtime-dir", required_argument, NULL, 'r'},
					      {NULL, 0, NULL, 0}};
	int c;

	o->args = calloc(2 * (size_t)argc + 1, sizeof *o->args);
	if (o->args == NULL) {
		(void)fputs("ppool-ctl: out of memory\n", stderr);
		return -1;
	}
	/* Options stand anywhere, those of a command among them. */
	for (;;) {
		while (optind < argc && is_negative_number(argv[optind]))
			keep(o, argv[optind++]);
		c = getopt_long(argc, argv, "-s:p:i:jwo:hVr:n:d:", longs, NULL);
		if (c == -1)
			break;
		if (take(o, c) < 0)
			return -1;
	}
	while (optind < argc)
		keep(o, argv[optind++]);
	return judge(o);
}
