/* policy_fixture.h - policies with a section of their own, for tests of what takes settings. */
#ifndef POLICYPOOL_TESTS_POLICY_FIXTURE_H
#define POLICYPOOL_TESTS_POLICY_FIXTURE_H

#include <criterion/criterion.h>
#include <string.h>

#include "packet.h"
#include "proxy_conf.h"

enum { SECTIONS_MAX = 4 };

static struct policy_conf section_conf[SECTIONS_MAX];
static struct conf_section section_of[SECTIONS_MAX];
static char section_title[SECTIONS_MAX][PACKET_ID_MAX + 1];

/* Begins with the values of all.  Their titles have to come in order. */
static struct policy_conf *
add_section(struct proxy_conf *c, const char *policy)
{
	size_t i = c->sections.n++;

	cr_assert_lt(i, SECTIONS_MAX);
	(void)snprintf(section_title[i], sizeof section_title[i], "%s", policy);
	section_conf[i] = c->policy;
	section_of[i] = (struct conf_section){.title = section_title[i],
					      .settings = &section_conf[i]};
	c->sections.section = section_of;
	return &section_conf[i];
}

#endif
