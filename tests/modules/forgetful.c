/* SPDX-License-Identifier: MIT */
/* forgetful: recorder, but it says that it never looks at the attempt before. */
#define RECORDER_NAME "forgetful"
#define RECORDER_IGNORES_LAST true
#include "tests/modules/recorder.c"
