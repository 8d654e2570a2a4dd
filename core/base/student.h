/* SPDX-License-Identifier: MIT */
/*
 * Student's t distribution, built on fmath.h: the same bits on every CPU and compiler.
 */
#ifndef OMEGA_CORE_BASE_STUDENT_H
#define OMEGA_CORE_BASE_STUDENT_H

/*
 * P(T > t) for T of Student's t distribution with `df` degrees of freedom, df from 1 to 10^6, not
 * necessarily whole: I_x(df/2, 1/2) / 2 with x = df / (df + t^2) for t >= 0, where I is the
 * regularised incomplete beta function (Abramowitz and Stegun 26.7.1, 26.5.8). Relative error below
 * 1e-12 up to df = 100, below 1e-9 up to 10^6. NaN for other df, or t NaN.
 */
double student_upper(double t, double df);

/* The t with P(T > t) = q, for q in (0, 1): the inverse of student_upper(), by bisection to the
 * last bits. NaN for other q or df. */
double student_quantile(double q, double df);

#endif
