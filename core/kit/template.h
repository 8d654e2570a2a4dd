/* SPDX-License-Identifier: MIT */
/*
 * A new module's folder: the files of schedulers/template/, which are linked into the command, with
 * another name in them.
 */
#ifndef OMEGA_CORE_KIT_TEMPLATE_H
#define OMEGA_CORE_KIT_TEMPLATE_H

#include <stdint.h>

#include "core/base/error.h"

#define TEMPLATE_NAME_MAX 40u /* bytes of a new module's name */

/* Is this a good name for a new module: 1 to TEMPLATE_NAME_MAX lower-case letters, digits and '_',
 * a letter first, and not that of a shipped module? 0, or OMEGA_EINVAL. */
int template_check_name(const char *name, omega_error_t *err);

/* Writes the folder `directory`, which must not exist, with a module of that name. Should it fail,
 * nothing stays. OMEGA_EINVAL, OMEGA_EIO with the path. */
int template_write(const char *name, const char *directory, omega_error_t *err);

/* The name of file `index` of the folder of a module `name`; NULL behind the last one. The text is
 * written into `out`. */
const char *template_file(uint32_t index, const char *name, char out[64]);

#endif
