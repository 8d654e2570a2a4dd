/* SPDX-License-Identifier: MIT */
/*
 * The few transcendental functions that the distributions need, built of IEEE additions,
 * multiplications and divisions only, so that they give the same bits on every CPU and compiler
 * (compiled with contraction off): glibc's give other bits on CPUs without FMA.
 */
#ifndef OMEGA_CORE_BASE_FMATH_H
#define OMEGA_CORE_BASE_FMATH_H

/* Natural logarithm of x > 0, finite; error below 2 ulp. x <= 0 gives -infinity or NaN as usual. */
double fmath_log(double x);

/* e to the x; error below 2 ulp; overflow gives +infinity, underflow 0. */
double fmath_exp(double x);

/* Quantile of the standard normal distribution for p in (0, 1): relative error below 1e-14. */
double fmath_normal_quantile(double p);

/* Square root is exact in IEEE arithmetic; this keeps libm out of the link line. */
double fmath_sqrt(double x);

#endif
