/* SPDX-License-Identifier: MIT */
/* elastic_slow: elastic that thinks for half a second before it says how long a job runs. It may
 * not sleep: a module has no clock. */
#define ELASTIC_NAME "elastic_slow"
#define ELASTIC_STEPS 200000000

#include "tests/modules/elastic.c"
