/* worker_cmds.h - the control commands of every daemon: show its workers, and change them. */
#ifndef POLICYPOOL_WORKER_CMDS_H
#define POLICYPOOL_WORKER_CMDS_H

#include "control.h"

/* workers, deaths, stop, reopen, scale, recycle; their ctx is the struct supervisor. */
extern const struct control_verb worker_cmds[];

#endif
