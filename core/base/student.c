/* SPDX-License-Identifier: MIT */
/* Student's t distribution: see student.h. */
#include "core/base/student.h"

#include <stddef.h>

#include "core/base/fmath.h"

#define DF_MAX 1e6
#define LOG_SQRT_TWO_PI 0x1.d67f1c864beb5p-1 /* 0.918938533204672742 */
#define LOG_GAMMA_HALF 0x1.250d048e7a1bdp-1  /* ln sqrt(pi) = 0.572364942924700087 */
#define STEPS_MAX 100000
#define TINY 1e-300
#define ENOUGH 1e-16

/* ln of the gamma function for z > 0: Stirling's series (Abramowitz and Stegun 6.1.41) from z = 16
 * on, where its eighth term is below 1e-18; smaller z are raised by z Gamma(z) = Gamma(z + 1). */
static double log_gamma(double z)
{
    static const double series[] = {1.0 / 12,   -1.0 / 360,        1.0 / 1260, -1.0 / 1680,
                                    1.0 / 1188, -691.0 / 360360.0, 1.0 / 156};
    double product = 1;
    for (; z < 16; z += 1) {
        product *= z;
    }
    double square = 1 / (z * z);
    double sum = 0;
    for (size_t i = sizeof series / sizeof series[0]; i-- > 0;) {
        sum = sum * square + series[i];
    }
    return (z - 0.5) * fmath_log(z) - z + LOG_SQRT_TWO_PI + sum / z - fmath_log(product);
}

static double not_tiny(double x)
{
    return x < TINY && x > -TINY ? TINY : x;
}

/* The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8), which
 * converges fast for x < (a + 1) / (a + b + 2), by Lentz's method as modified by Thompson and
 * Barnett (1986). */
static double beta_fraction(double x, double a, double b)
{
    double c = 1;
    double d = 1 / not_tiny(1 - (a + b) * x / (a + 1));
    double product = d;
    for (int m = 1; m <= STEPS_MAX; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / not_tiny(1 + even * d);
        c = not_tiny(1 + even / c);
        product *= d * c;
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / not_tiny(1 + odd * d);
        c = not_tiny(1 + odd / c);
        double step = d * c;
        product *= step;
        if (step - 1 < ENOUGH && step - 1 > -ENOUGH) {
            break;
        }
    }
    return product;
}

/* I_x(a, 1/2); `y` is 1 - x, known better than x would give it. */
static double beta_share(double x, double y, double a)
{
    double b = 0.5;
    if (x <= 0 || y <= 0) {
        return x <= 0 ? 0 : 1;
    }
    double log_front =
        log_gamma(a + b) - log_gamma(a) - LOG_GAMMA_HALF + a * fmath_log(x) + b * fmath_log(y);
    double front = fmath_exp(log_front);
    if (x < (a + 1) / (a + b + 2)) {
        return front * beta_fraction(x, a, b) / a;
    }
    return 1 - front * beta_fraction(y, b, a) / b;
}

double student_upper(double t, double df)
{
    if (!(df >= 1 && df <= DF_MAX) || t != t) {
        return __builtin_nan("");
    }
    if (t < 0) {
        return 1 - student_upper(-t, df);
    }
    if (t > 1e150) {
        return 0;
    }
    double whole = df + t * t;
    return 0.5 * beta_share(df / whole, t * t / whole, df / 2);
}

double student_quantile(double q, double df)
{
    if (!(q > 0 && q < 1) || !(df >= 1 && df <= DF_MAX)) {
        return __builtin_nan("");
    }
    if (q > 0.5) {
        return -student_quantile(1 - q, df);
    }
    double low = 0;
    double high = 1;
    while (student_upper(high, df) > q) {
        low = high;
        high *= 2;
    }
    for (;;) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) {
            return middle;
        }
        *(student_upper(middle, df) > q ? &low : &high) = middle;
    }
}
