/* succession.c - see succession.h. */
#include "succession.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "inbox.h"
#include "journal.h"
#include "launch.h"
#include "log.h"
#include "master.h"
#include "parts.h"

/* Before a worker's message, both ways; the same binary form is understood alone. */
struct forwarded {
	uint32_t form;
	uint32_t slot;
	uint32_t wants_answer;
};

enum { FORM = HANDOVER_VERSION << 16 | (int)sizeof(struct join_handoff) };

static int
tell(struct master *m, const struct forwarded *head, struct span message)
{
	struct buf out = BUF_INIT;
	int rc = -1, saved;

	if (buf_append(&out, head, sizeof *head) == 0 && buf_append_span(&out, message) == 0)
		rc = handover_is_on() && !upgrade_is_on(m->upgrade)
			     ? handover_tell(buf_span(&out))
			     : upgrade_tell(m->upgrade, buf_span(&out));
	saved = errno;
	buf_release(&out);
	errno = saved;
	return rc;
}

/* False for what is in another form, which is logged. */
static bool
understood(struct span *message, struct forwarded *head)
{
	if (message->n >= sizeof *head)
		memcpy(head, message->p, sizeof *head);
	if (message->n < sizeof *head || head->form != FORM) {
		log_event(LOG_WARN, "a registration in a form that this version does not know",
			  "bytes=%zu", message->n);
		return false;
	}
	*message = span_of(message->p + sizeof *head, message->n - sizeof *head);
	return true;
}

/* ---- from the predecessor ---- */

static void
on_go(void *arg)
{
	struct master *m = arg;
	char why[EVENTS_WHY];

	daemon_take_over();
	if (m->control != NULL)
		control_go(m->control);
	parts_open_keeper(m);
	log_event(LOG_INFO, "took over", "servers=%u", registry_server_end(m->front.registry));
	(void)snprintf(why, sizeof why, "version %s took over, servers: %u", POLICYPOOL_VERSION,
		       registry_server_end(m->front.registry));
	events_add(m->events, EVENT_UPGRADED, NULL, NULL, why);
	daemon_ready();
}

/* A registration that came to one of its workers. */
static void
on_forwarded(struct span message, void *arg)
{
	struct master *m = arg;
	struct forwarded head;
	struct buf answer = BUF_INIT;

	if (!understood(&message, &head))
		return;
	inbox_register(m, message, &answer);
	if (head.wants_answer && buf_len(&answer) > 0 && tell(m, &head, buf_span(&answer)) < 0)
		log_errno(LOG_WARN, "cannot answer a registration", NULL);
	buf_release(&answer);
}

const struct handover_ops succession_heir = {on_go, on_forwarded};

static int
read_journal(struct master *m, int fd)
{
	char why[JOURNAL_WHY] = "";
	uint64_t saved;
	struct stat st;
	char *text;
	int rc;

	if (fstat(fd, &st) < 0)
		return -1;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return -1;
	rc = journal_read(m->front.registry, span_of(text, (size_t)st.st_size), JOURNAL_HANDED_OVER,
			  clock_ms(), &saved, why);
	if (rc < 0)
		log_event(LOG_ERROR, "cannot take over the registry", "why=%s", log_quoted(why));
	(void)munmap(text, (size_t)st.st_size);
	return rc;
}

int
succession_recall(struct master *m)
{
	int fd = handover_take(HANDOVER_REGISTRY, NULL), rc;

	if (fd < 0)
		return 0;
	rc = read_journal(m, fd);
	(void)close(fd);
	return rc < 0 ? -1 : 1;
}

/* ---- to the successor ---- */

static int
write_all(int fd, struct span s)
{
	while (s.n > 0) {
		ssize_t n = write(fd, s.p, s.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		s = span_of(s.p + n, s.n - (size_t)n);
	}
	return 0;
}

/* The registry as it stands, in a file in memory; -1 with errno. */
static int
write_journal(const struct master *m)
{
	int fd = memfd_create("policypool-registry", MFD_CLOEXEC);
	struct buf out = BUF_INIT;
	bool fine = fd >= 0 &&
		    journal_write(&out, m->front.registry, clock_ms(), clock_wall_ms()) == 0 &&
		    write_all(fd, buf_span(&out)) == 0;
	int saved = errno;

	buf_release(&out);
	if (fine)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -1;
}

static int
gather(struct upgrade *u, void *arg)
{
	struct master *m = arg;
	char text[ADDR_TEXT];
	int registry = write_journal(m);

	if (registry < 0) {
		log_errno(LOG_ERROR, "cannot write down the registry", NULL);
		return -1;
	}
	upgrade_give(u, HANDOVER_REGISTRY, registry, "-", true);
	upgrade_give(u, HANDOVER_LISTEN, m->venue.fd, addr_text(&m->venue.addr, text), false);
	launch_give(u, m->control, m->admin);
	return 0;
}

/* From now on registrations are the successor's to judge, and leases to end. */
static void
handed_over(void *arg)
{
	struct master *m = arg;

	launch_given(m->upgrade, m->control, &m->admin);
	keeper_free(m->keeper);
	m->keeper = NULL;
	(void)event_del(m->expiry);
}

/* Its answer to a registration that was forwarded. */
static void
on_answer(struct span message, void *arg)
{
	struct master *m = arg;
	struct forwarded head;

	if (understood(&message, &head) && supervisor_tell(m->supervisor, head.slot, message) < 0)
		log_errno(LOG_VERBOSE, "cannot answer a registration", "worker=%u", head.slot);
}

const struct upgrade_ops succession_testator = {gather, handed_over, on_answer};

bool
succession_forward(struct master *m, unsigned slot, struct span message)
{
	struct forwarded head = {
		.form = FORM, .slot = slot, .wants_answer = upgrade_is_over(m->upgrade)};

	if (!upgrade_is_on(m->upgrade))
		return false;
	if (tell(m, &head, message) == 0)
		return head.wants_answer;
	log_errno(LOG_ERROR, "cannot forward a registration to the successor", NULL);
	return false;
}
