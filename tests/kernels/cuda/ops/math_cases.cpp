#include "cuda/device/math.h"

#include <algorithm>
#include <cmath>

#include "cases.h"

namespace {

float float_of(uint32_t bits) { return __uint_as_float(bits); }

// Distance from the exact value in units of the last place of a float there.
double ulps(float value, double exact) {
    int exponent;
    std::frexp(exact, &exponent);
    const double unit = std::ldexp(1.0, std::max(exponent - 24, -149));
    return std::fabs(double(value) - exact) / unit;
}

}  // namespace

CASE(exp_is_within_its_bound) {
    double worst = 0;
    for (uint64_t bits = 0; bits <= 0xffffffff; bits += 1009) {
        const float x = float_of(uint32_t(bits)), y = aerie::cuda::exp_of(x);
        const double exact = std::exp(double(x));
        if (std::isnan(x)) {
            EXPECT(std::isnan(y));
        } else if (exact >= 0x1.ffffffp+127) {
            EXPECT(y == INFINITY);
        } else {
            worst = std::max(worst, ulps(y, exact));
        }
    }
    for (float x = -104; x < 88.7f; x += 0x1p-13f)
        worst = std::max(worst, ulps(aerie::cuda::exp_of(x), std::exp(double(x))));
    EXPECT(worst < 1.1);
    EXPECT(aerie::cuda::exp_of(0.0f) == 1.0f);
    EXPECT(aerie::cuda::exp_of(-0.0f) == 1.0f);
    EXPECT(aerie::cuda::exp_of(INFINITY) == INFINITY);
    EXPECT(aerie::cuda::exp_of(-INFINITY) == 0.0f);
    EXPECT(std::isnan(aerie::cuda::exp_of(NAN)));
    EXPECT(aerie::cuda::exp_of(-103.0f) == 0x1p-149f);
}

CASE(tanh_is_within_its_bound) {
    double worst = 0;
    for (uint64_t bits = 0; bits <= 0xffffffff; bits += 1009) {
        const float x = float_of(uint32_t(bits)), y = aerie::cuda::tanh_of(x);
        if (std::isnan(x)) {
            EXPECT(std::isnan(y));
        } else {
            worst = std::max(worst, ulps(y, std::tanh(double(x))));
        }
    }
    for (float x = 0; x < 10; x += 0x1p-17f)
        worst = std::max(worst, ulps(aerie::cuda::tanh_of(x), std::tanh(double(x))));
    EXPECT(worst < 2);
    EXPECT(aerie::cuda::tanh_of(INFINITY) == 1.0f);
    EXPECT(aerie::cuda::tanh_of(-INFINITY) == -1.0f);
}

CASE(log_is_within_its_bound) {
    double worst = 0;
    for (uint64_t bits = 0; bits <= 0xffffffff; bits += 1009) {
        const float x = float_of(uint32_t(bits)), y = aerie::cuda::log_of(x);
        if (!(x > 0) || std::isinf(x)) continue;
        worst = std::max(worst, ulps(y, std::log(double(x))));
    }
    for (float x = 0.5f; x < 2.5f; x += 0x1p-21f)
        if (x != 1) worst = std::max(worst, ulps(aerie::cuda::log_of(x), std::log(double(x))));
    EXPECT(worst < 0.9);
    EXPECT(aerie::cuda::log_of(1.0f) == 0.0f);
    EXPECT(aerie::cuda::log_of(0.0f) == -INFINITY);
    EXPECT(aerie::cuda::log_of(-0.0f) == -INFINITY);
    EXPECT(aerie::cuda::log_of(INFINITY) == INFINITY);
    EXPECT(std::isnan(aerie::cuda::log_of(-1.0f)));
    EXPECT(std::isnan(aerie::cuda::log_of(-INFINITY)));
    EXPECT(std::isnan(aerie::cuda::log_of(NAN)));
}

CASE(log_of_doubles_is_within_its_bound) {
    long double worst = 0;
    const auto compare = [&](double x) {
        const long double exact = std::log((long double)(x));
        int exponent;
        std::frexp(double(exact), &exponent);
        worst = std::max(worst, std::fabs(aerie::cuda::log_of(x) - exact) / std::ldexp(1.0L, exponent - 53));
    };
    for (uint32_t bits = 0x00800000; bits < 0x7f800000; bits += 100003) compare(double(float_of(bits)) * 1.000000001);
    for (double x = 0.6; x < 1.6; x += 0x1p-17) compare(x + 0x1p-40);
    EXPECT(worst < 1);
    EXPECT(aerie::cuda::log_of(1.0) == 0.0);
    EXPECT(aerie::cuda::log_of(0.0) == -INFINITY);
    EXPECT(aerie::cuda::log_of(double(INFINITY)) == INFINITY);
    EXPECT(std::isnan(aerie::cuda::log_of(double(NAN))));
}

CASE(sine_and_cosine_are_the_cpu_library_s_but_for_rounding) {
    double worst = 0;
    uint32_t num_different = 0, num_angles = 0;
    for (int position = 0; position < 200000; position = position < 3000 ? position + 1 : position + 37) {
        for (int i = 0; i < 64; i += 3) {
            const double angle = double(position) * double(float(std::pow(500000.0, -i / 64.0)));
            double sine, cosine;
            aerie::cuda::sine_cosine_of(angle, sine, cosine);
            worst = std::max({worst, std::fabs(sine - std::sin(angle)), std::fabs(cosine - std::cos(angle))});
            num_different += float(sine) != float(std::sin(angle)) || float(cosine) != float(std::cos(angle));
            ++num_angles;
        }
    }
    EXPECT(worst < 0x1p-51);
    EXPECT(num_different <= 1);
    // The largest positions that there are.
    for (const double angle : {2147483647.0, 2147483646.5, 1e9}) {
        double sine, cosine;
        aerie::cuda::sine_cosine_of(angle, sine, cosine);
        EXPECT(std::fabs(sine - std::sin(angle)) < 0x1p-51);
        EXPECT(std::fabs(cosine - std::cos(angle)) < 0x1p-51);
    }
}
