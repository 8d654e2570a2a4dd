/* SPDX-License-Identifier: MIT */
/*
 * Logarithm, exponential and normal quantile: see fmath.h. Each expression is evaluated as written,
 * in IEEE doubles and without contraction (-ffp-contract=off), so the order of the operations here
 * is part of the result.
 */
#include "core/base/fmath.h"

#include <stdint.h>
#include <string.h>
#ifdef __x86_64__
#include <emmintrin.h>
#endif

/* ln 2 in two parts: the first ends in 21 zero bits, so its product with an exponent is exact. */
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define LN2_INVERSE 0x1.71547652b82fep+0
#define SQRT_HALF 0x1.6a09e667f3bcdp-1

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 2 to the k, for k of a normal number. */
static double power_of_two(int k)
{
    return double_of((uint64_t)(k + 1023) << 52);
}

/* coefficients[0] + coefficients[1] x + ... by Horner's rule. */
static double polynomial(const double *coefficients, int count, double x)
{
    double sum = coefficients[count - 1];
    for (int i = count - 2; i >= 0; i--) {
        sum = sum * x + coefficients[i];
    }
    return sum;
}

/* Splits x > 0 into m * 2^k with m in [sqrt(1/2), sqrt(2)). */
static double split(double x, int *k)
{
    *k = 0;
    if (x < 0x1p-1022) {
        x *= 0x1p54;
        *k = -54;
    }
    uint64_t bits = bits_of(x);
    *k += (int)(bits >> 52) - 1022;
    double m = double_of((bits & UINT64_C(0x000fffffffffffff)) | UINT64_C(0x3fe0000000000000));
    if (m < SQRT_HALF) {
        m *= 2;
        *k -= 1;
    }
    return m;
}

/*
 * With f = m - 1 and s = f / (2 + f), log m = 2 atanh s = 2s + s R(s^2), and 2s = f - s f, and
 * s f = f^2/2 - s f^2/2; so log m = f - (f^2/2 - s (f^2/2 + R)). All but the exact f is small:
 * that keeps the error below 1 ulp. R is the plain series 2/3 z + 2/5 z^2 + ... with z = s^2, which
 * is below 0.0295.
 */
double fmath_log(double x)
{
    static const double series[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
                                    2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23};
    if (!(x > 0)) {
        return x == 0 ? -__builtin_inf() : __builtin_nan("");
    }
    if (x > 0x1.fffffffffffffp1023) {
        return x;
    }
    int k;
    double f = split(x, &k) - 1;
    double s = f / (2 + f);
    double z = s * s;
    double r = z * polynomial(series, sizeof series / sizeof *series, z);
    double half_square = 0.5 * f * f;
    double low = s * (half_square + r) + k * LN2_LOW;
    return k * LN2_HIGH - ((half_square - low) - f);
}

/*
 * x = k ln 2 + r with |r| <= ln 2 / 2; e^r by its series up to r^13 / 13!, added up so that only
 * the last addition rounds at full size; then times 2^k in two steps, for subnormal results.
 */
double fmath_exp(double x)
{
    static const double series[] = {1.0 / 2,        1.0 / 6,         1.0 / 24,
                                    1.0 / 120,      1.0 / 720,       1.0 / 5040,
                                    1.0 / 40320,    1.0 / 362880,    1.0 / 3628800,
                                    1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    if (x != x) {
        return x;
    }
    if (x > 710) {
        return __builtin_inf();
    }
    if (x < -746) {
        return 0;
    }
    int k = (int)(x * LN2_INVERSE + (x < 0 ? -0.5 : 0.5));
    double high = x - k * LN2_HIGH;
    double low = k * LN2_LOW;
    double r = high - low;
    double tail = r * r * polynomial(series, sizeof series / sizeof *series, r) - low;
    double sum = 1 + high;
    double lost = (1 - sum) + high; /* exactly what the addition rounded away */
    double result = sum + (tail + lost);
    return result * power_of_two(k / 2) * power_of_two(k - k / 2);
}

/*
 * M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied
 * Statistics 37 (1988), 477-484, routine PPND16: three rational approximations.
 */
static double quantile_middle(double q)
{
    static const double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                               1.9715909503065514427e3, 1.3731693765509461125e4,
                               4.5921953931549871457e4, 6.7265770927008700853e4,
                               3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double b[] = {1.0,
                               4.2313330701600911252e1,
                               6.8718700749205790830e2,
                               5.3941960214247511077e3,
                               2.1213794301586595867e4,
                               3.9307895800092710610e4,
                               2.8729085735721942674e4,
                               5.2264952788528545610e3};
    double r = 0.180625 - q * q;
    return q * polynomial(a, 8, r) / polynomial(b, 8, r);
}

static double quantile_outer(double r)
{
    static const double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                               5.76949722146069140550e0,  3.64784832476320460504e0,
                               1.27045825245236838258e0,  2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    return polynomial(c, 8, r - 1.6) / polynomial(d, 8, r - 1.6);
}

static double quantile_far(double r)
{
    static const double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                               1.78482653991729133580e0,  2.96560571828504891230e-1,
                               2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0,
                               5.99832206555887937690e-1,
                               1.36929880922735805310e-1,
                               1.48753612908506148525e-2,
                               7.86869131145613259100e-4,
                               1.84631831751005468180e-5,
                               1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    return polynomial(e, 8, r - 5) / polynomial(f, 8, r - 5);
}

double fmath_normal_quantile(double p)
{
    if (!(p > 0) || !(p < 1)) {
        return p == 0 ? -__builtin_inf() : p == 1 ? __builtin_inf() : __builtin_nan("");
    }
    double q = p - 0.5;
    if (q >= -0.425 && q <= 0.425) {
        return quantile_middle(q);
    }
    double r = fmath_sqrt(-fmath_log(q < 0 ? p : 1 - p));
    double value = r <= 5 ? quantile_outer(r) : quantile_far(r);
    return q < 0 ? -value : value;
}

double fmath_sqrt(double x)
{
#ifdef __x86_64__
    /* the instruction; __builtin_sqrt may call libm for the sake of errno */
    __m128d wide = _mm_set_sd(x);
    return _mm_cvtsd_f64(_mm_sqrt_sd(wide, wide));
#else
    return __builtin_sqrt(x);
#endif
}
