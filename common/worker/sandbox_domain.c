/* sandbox_domain.c - see sandbox_domain.h. */
#include "sandbox_domain.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

enum {
	ABI_REFER = 2, /* files may be moved to other folders, if a rule says so */
	ABI_SCOPE = 6
};

/* As the kernel has it, which headers may not know yet. */
struct ruleset {
	uint64_t files, ports, scoped;
};
static const uint64_t SIGNALS = 2; /* LANDLOCK_SCOPE_SIGNAL */
static const uint64_t REFER = 1 << 13;

static long
abi(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

bool
sandbox_domain_can(void)
{
	return abi() >= ABI_REFER;
}

/* A domain has to forbid something: here what a rule allows again.  A descriptor, or -1. */
static int
open_ruleset(long version)
{
	const struct ruleset r = {.files = REFER, .scoped = version >= ABI_SCOPE ? SIGNALS : 0};
	struct landlock_path_beneath_attr everywhere = {.allowed_access = REFER};
	size_t size = version >= ABI_SCOPE ? sizeof r : sizeof r.files;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0), root, rc;

	root = open("/", O_PATH | O_CLOEXEC);
	everywhere.parent_fd = root;
	rc = fd < 0 || root < 0 ? -1
				: (int)syscall(SYS_landlock_add_rule, fd,
					       LANDLOCK_RULE_PATH_BENEATH, &everywhere, 0);
	if (root >= 0)
		(void)close(root);
	if (rc < 0 && fd >= 0)
		(void)close(fd);
	return rc < 0 ? -1 : fd;
}

void
sandbox_domain_enter(void)
{
	long version = abi();
	int fd;

	if (version < ABI_REFER)
		return;
	fd = open_ruleset(version);
	if (fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) < 0 ||
	    syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		log_limited_errno(LOG_WARN, "job process can look into others of its user", NULL);
	if (fd >= 0)
		(void)close(fd);
}
