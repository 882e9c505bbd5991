/* proxy_takeover.c - see proxy_takeover.h. */
#include "proxy_takeover.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "atomic_file_io.h"
#include "buf.h"
#include "clock.h"
#include "log.h"
#include "registry_dump.h"
#include "takeover.h"
#include "worker_msg.h"

enum { FORM = TAKEOVER_VERSION << 16 | (int)sizeof(struct registration_msg) };

/* ---- registrations ---- */

/* Head and message as one.  0, or -1 with errno. */
static int
join(struct buf *out, const struct proxy_takeover_head *head, struct span message)
{
	return buf_append(out, head, sizeof *head) < 0 ? -1 : buf_append_span(out, message);
}

bool
proxy_takeover_forward(struct upgrade *u, unsigned slot, struct span message)
{
	struct proxy_takeover_head head = {
		.form = FORM, .slot = slot, .wants_answer = upgrade_is_over(u)};
	struct buf out = BUF_INIT;
	bool fine;

	if (!upgrade_is_on(u))
		return false;
	fine = join(&out, &head, message) == 0 && upgrade_send(u, buf_span(&out)) == 0;
	if (!fine)
		log_errno(LOG_ERROR, "cannot forward a registration to the successor", NULL);
	buf_release(&out);
	return fine && head.wants_answer;
}

int
proxy_takeover_answer(const struct proxy_takeover_head *head, struct span answer)
{
	struct buf out = BUF_INIT;
	int rc = join(&out, head, answer) < 0 ? -1 : takeover_send(buf_span(&out)), saved = errno;

	buf_release(&out);
	errno = saved;
	return rc;
}

bool
proxy_takeover_read(struct span *message, struct proxy_takeover_head *head)
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

/* ---- the registry, from the predecessor ---- */

static int
read_journal(struct registry *r, int fd)
{
	char why[REGISTRY_DUMP_WHY] = "";
	uint64_t saved;
	struct stat st;
	char *text;
	int rc;

	if (fstat(fd, &st) < 0)
		return -1;
	text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (text == MAP_FAILED)
		return -1;
	rc = registry_dump_read(r, span_of(text, (size_t)st.st_size), REGISTRY_DUMP_HANDED_OVER,
				clock_ms(), 0, &saved, why);
	if (rc < 0)
		log_event(LOG_ERROR, "cannot take over the registry", "why=%s", log_quoted(why));
	(void)munmap(text, (size_t)st.st_size);
	return rc;
}

int
proxy_takeover_recall(struct registry *r)
{
	int fd = takeover_take(TAKEOVER_REGISTRY, NULL), rc;

	if (fd < 0)
		return 0;
	rc = read_journal(r, fd);
	(void)close(fd);
	return rc < 0 ? -1 : 1;
}

/* ---- to the successor ---- */

/* The registry as it stands, in a file in memory; -1 with errno. */
static int
write_journal(const struct registry *r)
{
	int fd = memfd_create("policypool-registry", MFD_CLOEXEC);
	struct buf out = BUF_INIT;
	bool fine = fd >= 0 && registry_dump_write(&out, r, clock_ms(), clock_wall_ms()) == 0 &&
		    atomic_file_write_all(fd, buf_span(&out)) == 0;
	int saved = errno;

	buf_release(&out);
	if (fine)
		return fd;
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -1;
}

int
proxy_takeover_give(struct upgrade *u, const struct registry *r)
{
	int fd = write_journal(r);

	if (fd < 0) {
		log_errno(LOG_ERROR, "cannot write down the registry", NULL);
		return -1;
	}
	upgrade_give(u, TAKEOVER_REGISTRY, fd, "-", true);
	return 0;
}
