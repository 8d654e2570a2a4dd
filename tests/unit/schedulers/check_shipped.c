/* SPDX-License-Identifier: MIT */
/*
 * Tests of the shipped modules on random cells: every claim holds (the host checks), nothing that
 * could be placed stays unplaced, and `service` chooses exactly what a plain search over all
 * machines for each task chooses. The seed is printed.
 */
#include "tests/support/check_main.h"
#include "tests/support/planning.h"

#include <stdio.h>
#include <string.h>

#include "schedulers/placement.h"

#define SEED 20230u
#define ROUNDS 300u
#define MACHINES_MAX 400u

static struct omega_random dice;

static uint32_t roll(uint32_t bound)
{
    return omega_random_below(&dice, bound);
}

/* A cell with full, down, small and large machines in `domains` failure domains. */
static void random_cell(struct planning *p, bool gpu, uint32_t domains)
{
    struct store_view *view = &p->view;
    for (uint32_t m = 0; m < view->shown.machine_count; m++) {
        int32_t cpu = (int32_t)(1 + roll(4)) * 4000;
        view->entry[m].limit.cpu_milli = cpu;
        view->entry[m].limit.mem_mib = cpu * 2;
        bool down = roll(10) == 0;
        view->entry[m].room.cpu_milli = down ? -1 : (int32_t)roll((uint32_t)cpu + 1) / 100 * 100;
        view->entry[m].room.mem_mib = down ? -1 : (int32_t)roll((uint32_t)cpu * 2 + 1);
        p->domain[m] = domains == 0 ? 0 : 10 + roll(domains);
        for (uint32_t d = 0; gpu && d < OMEGA_GPU_DEVICES_MAX; d++) {
            static const int16_t left[] = {0, 0, 300, 500, 1000, 1000};
            view->free_gpu_milli[m * OMEGA_GPU_DEVICES_MAX + d] = left[roll(6)];
        }
        if (gpu) {
            store_view_derive_gpu(view, m);
        }
    }
}

static struct omega_request random_request(bool gpu)
{
    struct omega_request request = {
        .cpu_milli = (int32_t)roll(8) * 500,
        .mem_mib = (int32_t)roll(8) * 700,
    };
    if (gpu && roll(3) > 0) {
        bool share = roll(2) == 0;
        request.gpu_milli = (int16_t)(share ? 100 + roll(5) * 100 : 1000);
        request.gpu_devices = (uint8_t)(share ? 1 : 1 + roll(4));
    }
    return request;
}

static uint64_t *random_bitmap(uint32_t machines)
{
    uint64_t *bitmap = calloc(machines / 64 + 1, sizeof(*bitmap));
    for (uint32_t m = 0; m < machines; m++) {
        bitmap[m / 64] |= (uint64_t)(roll(3) > 0) << (m % 64);
    }
    return bitmap;
}

/* A random cell and job for a module. */
static uint64_t *random_case(struct planning *p, const char *module, const char *options)
{
    uint32_t machines = 1 + roll(roll(2) == 0 ? 20 : MACHINES_MAX);
    bool gpu = roll(2) == 0;
    planning_open(p, module, options, machines, 1, 1, gpu);
    static const uint32_t domains[] = {0, 1, 3, 40, 1000};
    random_cell(p, gpu, domains[roll(5)]);
    uint32_t groups = 1 + roll(3);
    for (uint32_t g = 0; g < groups; g++) {
        const char *constraints = roll(3) == 0 ? "different_machines" : "";
        planning_group(p, 1 + roll(roll(3) == 0 ? 400 : 30), roll(2) * roll(10),
                       random_request(gpu || roll(8) == 0), constraints);
    }
    uint64_t *bitmap = roll(2) == 0 ? random_bitmap(machines) : NULL;
    p->eligible[0] = bitmap;
    return bitmap;
}

/* ---- nothing that fits is left out ---- */

static void take_all(struct planning *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        store_view_take(&p->view, &p->claims[i]);
    }
}

static void give_all(struct planning *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        store_view_give(&p->view, &p->claims[i]);
    }
}

static bool holds_group(const struct planning *p, uint32_t group, uint32_t machine)
{
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->claims[i].group == group && p->claims[i].machine == machine) {
            return true;
        }
    }
    return false;
}

static uint32_t claims_of(const struct planning *p, uint32_t group)
{
    uint32_t claims = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        claims += p->claims[i].group == group;
    }
    return claims;
}

/* A group with unplaced required tasks fits no machine after the attempt. */
static void assert_complete(struct planning *p)
{
    take_all(p);
    for (uint32_t g = 0; g < p->job.group_count; g++) {
        if (claims_of(p, g) >= p->groups[g].count) {
            continue;
        }
        bool different = p->groups[g].constraints != 0;
        for (uint32_t m = 0; m < p->view.shown.machine_count; m++) {
            bool fits = omega_eligible(p->eligible[g], m) &&
                        omega_view_fits(&p->view.shown, &p->groups[g].request, m);
            ck_assert_msg(!fits || (different && holds_group(p, g, m)),
                          "group %u left tasks out, and machine %u has room", g, m);
        }
    }
    give_all(p);
}

static void assert_module_is_complete(const char *module)
{
    printf("seed %u\n", SEED);
    omega_random_init(&dice, SEED, module, 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct planning p;
        uint64_t *bitmap = random_case(&p, module, NULL);
        ck_assert_msg(planning_place(&p) == 0, "round %u: %s", round, p.err.text);
        assert_complete(&p);
        free(bitmap);
        planning_close(&p);
    }
}

START_TEST(batch_leaves_nothing_out)
{
    assert_module_is_complete("batch");
}
END_TEST

START_TEST(service_leaves_nothing_out)
{
    assert_module_is_complete("service");
}
END_TEST

START_TEST(first_fit_leaves_nothing_out)
{
    assert_module_is_complete("first_fit");
}
END_TEST

START_TEST(reference_leaves_nothing_out)
{
    assert_module_is_complete("reference");
}
END_TEST

/* ---- reference draws what java.util.Random draws ---- */

static void assert_machines(const struct planning *p, uint32_t count, const uint32_t *machines)
{
    ck_assert_uint_eq(p->count, count);
    for (uint32_t i = 0; i < count; i++) {
        ck_assert_msg(p->claims[i].machine == machines[i], "claim %u: machine %u, expected %u", i,
                      p->claims[i].machine, machines[i]);
    }
}

/* new Random(42): nextInt(10), and nextInt(8), a power of two, which is drawn in another way. */
START_TEST(reference_draws_as_java_does)
{
    static const uint32_t tens[] = {0, 3, 8, 4, 0, 5, 5, 8, 9, 3, 2, 2};
    static const uint32_t eights[] = {5, 0, 5, 0, 2, 7, 2, 5, 5, 0, 7, 3};
    for (int power = 0; power < 2; power++) {
        struct planning p;
        struct omega_request request = {.cpu_milli = 1, .mem_mib = 1};
        planning_open_seeded(&p, "reference", power ? 8 : 10, 1000, 1000, 42);
        planning_group(&p, 12, 0, request, NULL);
        ck_assert_int_eq(planning_place(&p), 0);
        assert_machines(&p, 12, power ? eights : tens);
        planning_close(&p);
    }
}
END_TEST

/* Machines with room for two, machine 2 full. The order of the pool is kept from job to job. */
START_TEST(reference_keeps_its_pool)
{
    static const uint32_t first[] = {0, 3, 3, 4, 0, 1};
    static const uint32_t second[] = {3, 0, 3, 1, 1, 0, 4, 4};
    struct planning p;
    struct omega_request request = {.cpu_milli = 500, .mem_mib = 1};
    planning_open_seeded(&p, "reference", 5, 1000, 1000, 42);
    p.view.entry[2].room.cpu_milli = 0;
    planning_group(&p, 9, 0, request, NULL);
    p.placed[6] = 1;
    p.placed[7] = 1;
    p.placed[8] = 1;
    ck_assert_int_eq(planning_place(&p), 0);
    assert_machines(&p, 6, first);
    memset(p.placed, 0, 9);
    ck_assert_int_eq(planning_place(&p), 0); /* nine, of which eight find room */
    assert_machines(&p, 8, second);
    planning_close(&p);
}
END_TEST

/* Without compatibility an instance has a seed of its own. */
START_TEST(reference_has_its_own_seed)
{
    struct planning p[2];
    struct omega_request request = {.cpu_milli = 1, .mem_mib = 1};
    planning_open(&p[0], "reference", NULL, 1000, 1000, 1000, false);
    planning_open_seeded(&p[1], "reference", 1000, 1000, 1000, 1);
    uint32_t same = 0;
    for (int i = 0; i < 2; i++) {
        planning_group(&p[i], 100, 0, request, NULL);
        ck_assert_int_eq(planning_place(&p[i]), 0);
    }
    for (uint32_t i = 0; i < 100; i++) {
        same += p[0].claims[i].machine == p[1].claims[i].machine;
    }
    ck_assert_uint_lt(same, 10);
    planning_close(&p[0]);
    planning_close(&p[1]);
}
END_TEST

/* ---- service chooses what a plain search chooses ---- */

static uint32_t tasks_in_domain(const struct planning *p, uint32_t claims, uint32_t domain)
{
    uint32_t tasks = 0;
    for (uint32_t i = 0; i < claims; i++) {
        tasks += p->domain[p->claims[i].machine] == domain;
    }
    return tasks;
}

/* What the careful rule takes for the next task, with the first `claims` on the view. */
static uint32_t plain_choice(struct planning *p, uint32_t claims, uint32_t group, bool spread)
{
    struct omega_place place = omega_place_group(&p->pending, &p->view.shown, group);
    place.eligible = p->eligible[group];
    uint32_t best = OMEGA_NO_MACHINE;
    uint64_t best_key = UINT64_MAX;
    uint32_t whole = p->count;
    p->count = claims; /* holds_group() looks at these only */
    for (uint32_t m = 0; m < place.machine_count; m++) {
        if (!omega_place_suits(&place, m) ||
            (p->groups[group].constraints != 0 && holds_group(p, group, m))) {
            continue;
        }
        uint64_t tasks = spread ? tasks_in_domain(p, claims, p->domain[m]) : 0;
        uint64_t key = tasks << 32 | omega_place_score(&place, m);
        if (key < best_key) {
            best = m;
            best_key = key;
        }
    }
    p->count = whole;
    return best;
}

static void assert_service_is_plain(const char *options, bool spread)
{
    printf("seed %u\n", SEED);
    omega_random_init(&dice, SEED, "plain", spread);
    for (uint32_t round = 0; round < ROUNDS / 3; round++) {
        struct planning p;
        uint64_t *bitmap = random_case(&p, "service", options);
        ck_assert_int_eq(planning_place(&p), 0);
        for (uint32_t i = 0; i < p.count; i++) {
            uint32_t expected = plain_choice(&p, i, p.claims[i].group, spread);
            ck_assert_msg(p.claims[i].machine == expected,
                          "round %u, claim %u of %u: machine %u, expected %u", round, i, p.count,
                          p.claims[i].machine, expected);
            store_view_take(&p.view, &p.claims[i]);
        }
        free(bitmap);
        give_all(&p);
        planning_close(&p);
    }
}

START_TEST(service_is_the_plain_search_with_spread)
{
    assert_service_is_plain(NULL, true);
}
END_TEST

START_TEST(service_is_the_plain_search_without_spread)
{
    assert_service_is_plain("{\"spread\": false}", false);
}
END_TEST

/* ---- small cases ---- */

START_TEST(an_empty_cell)
{
    static const char *const modules[] = {"batch",     "service",  "first_fit",
                                          "reference", "stateful", "random_one"};
    for (size_t i = 0; i < sizeof(modules) / sizeof(modules[0]); i++) {
        struct planning p;
        planning_open(&p, modules[i], NULL, 0, 0, 0, false);
        struct omega_request zero = {0};
        planning_group(&p, 3, 0, zero, NULL);
        ck_assert_int_eq(planning_place(&p), 0);
        ck_assert_uint_eq(p.count, 0);
        planning_close(&p);
    }
}
END_TEST

START_TEST(optional_tasks_come_last_and_by_choice)
{
    static const char *const modules[] = {"batch", "service"};
    struct omega_request request = {.cpu_milli = 1000};
    for (size_t i = 0; i < 2; i++) {
        struct planning p;
        planning_open(&p, modules[i], NULL, 2, 3000, 1, false);
        planning_group(&p, 1, 5, request, NULL);
        planning_group(&p, 2, 1, request, NULL);
        ck_assert_int_eq(planning_place(&p), 0);
        ck_assert_uint_eq(p.count, 6);
        ck_assert_uint_eq(p.claims[0].task, 0);
        ck_assert_uint_eq(p.claims[1].task, 6);
        ck_assert_uint_eq(p.claims[2].task, 7);
        ck_assert_uint_eq(p.claims[3].task, 1);
        planning_close(&p);
        planning_open(&p, modules[i], "{\"use_optional\": false}", 2, 3000, 1, false);
        planning_group(&p, 1, 5, request, NULL);
        ck_assert_int_eq(planning_place(&p), 0);
        ck_assert_uint_eq(p.count, 1);
        planning_close(&p);
    }
}
END_TEST

START_TEST(service_spreads_over_attempts)
{
    struct planning p;
    planning_open(&p, "service", NULL, 4, 8000, 8000, false);
    struct omega_request request = {.cpu_milli = 1000, .mem_mib = 1000};
    planning_group(&p, 4, 0, request, NULL);
    for (uint32_t m = 0; m < 4; m++) {
        p.domain[m] = 1 + m / 2;
    }
    struct omega_claim last[] = {{.machine = 0, .task = 0}, {.machine = 1, .task = 1}};
    struct omega_claim_result results[2] = {{.outcome = OMEGA_ACCEPTED}};
    p.pending.last_claims = last;
    p.pending.last_results = results;
    p.pending.last_count = 2;
    p.placed[0] = 1;
    p.placed[1] = 1;
    ck_assert_int_eq(planning_place(&p), 0);
    ck_assert_uint_eq(p.count, 2);
    ck_assert_uint_eq(p.claims[0].machine, 2);
    ck_assert_uint_eq(p.claims[1].machine, 2);
    planning_close(&p);
}
END_TEST

START_TEST(batch_is_uniform)
{
    struct planning p;
    planning_open(&p, "batch", NULL, 10, 1000, 1000, false);
    struct omega_request request = {.cpu_milli = 1000};
    planning_group(&p, 1, 0, request, NULL);
    p.view.entry[3].room.cpu_milli = 0;
    uint32_t hits[10] = {0};
    for (uint32_t i = 0; i < 90000; i++) {
        ck_assert_int_eq(planning_place(&p), 0);
        hits[p.claims[0].machine]++;
    }
    ck_assert_uint_eq(hits[3], 0);
    for (uint32_t m = 0; m < 10; m++) {
        ck_assert(m == 3 || (hits[m] > 9500 && hits[m] < 10500)); /* five standard deviations */
    }
    planning_close(&p);
}
END_TEST

START_TEST(random_one_takes_distinct_machines_uniformly)
{
    struct planning p;
    planning_open(&p, "random_one", NULL, 10, 1000, 1000, false);
    struct omega_request request = {.cpu_milli = 100};
    planning_group(&p, 3, 0, request, NULL);
    uint32_t hits[10] = {0};
    for (uint32_t i = 0; i < 30000; i++) {
        ck_assert_int_eq(planning_place(&p), 0);
        ck_assert_uint_eq(p.count, 3);
        ck_assert(p.claims[0].machine != p.claims[1].machine);
        ck_assert(p.claims[0].machine != p.claims[2].machine);
        ck_assert(p.claims[1].machine != p.claims[2].machine);
        for (uint32_t c = 0; c < 3; c++) {
            hits[p.claims[c].machine]++;
        }
    }
    for (uint32_t m = 0; m < 10; m++) {
        ck_assert(hits[m] > 8600 && hits[m] < 9400);
    }
    planning_close(&p);
}
END_TEST

/* In a large cell machines are drawn ahead: the same ones, and as many random numbers, as one by
 * one, wherever the search ends. */
START_TEST(drawn_ahead_is_drawn)
{
    omega_random_init(&dice, SEED, "drawn ahead", 0);
    uint32_t ended = 0;
    for (uint32_t round = 0; round < 10 * ROUNDS; round++) {
        static struct omega_entry near[MACHINES_MAX];
        static struct omega_entry far[MACHINES_MAX];
        uint32_t near_notes[MACHINES_MAX];
        uint32_t far_notes[MACHINES_MAX];
        const uint32_t machines = 1 + roll(MACHINES_MAX);
        const uint32_t count = 1 + roll(MACHINES_MAX);
        const uint32_t probes = roll(12);
        const uint32_t open = 1 + roll(8); /* of so many one has no room */
        uint64_t *bitmap = roll(2) == 0 ? random_bitmap(machines) : NULL;
        for (uint32_t m = 0; m < machines; m++) {
            near[m].room.cpu_milli = roll(open) == 0 ? -1 : (int32_t)roll(20);
            near[m].room.mem_mib = (int32_t)roll(20);
            far[m] = near[m];
        }
        struct omega_txn_head head = {.entry = near,
                                      .machine_count = machines,
                                      .asked = {(int32_t)roll(4), (int32_t)roll(4)}};
        struct omega_random near_random;
        omega_random_init(&near_random, SEED, "drawn", round);
        struct omega_random far_random = near_random;
        const uint32_t found =
            omega_place_machines(&head, &near_random, probes, near_notes, count, bitmap);
        head.entry = far;
        ck_assert_uint_eq(omega_place_ahead(&head, &far_random, probes, far_notes, count, bitmap),
                          found);
        ck_assert_mem_eq(far_notes, near_notes, found * sizeof *far_notes);
        ck_assert_mem_eq(&far_random, &near_random, sizeof far_random);
        ck_assert_mem_eq(far, near, machines * sizeof *far);
        ended += found < count;
        free(bitmap);
    }
    ck_assert_uint_gt(ended, ROUNDS);
    ck_assert_uint_lt(ended, 9 * ROUNDS);
}
END_TEST

/* Vectors say of 64 machines what is said of each, of which at most one suits. */
START_TEST(a_block_is_its_machines)
{
    static const struct omega_room full[] = {
        {-1, -1}, {0, 0}, {0, INT32_MAX}, {INT32_MAX, 0}, {999, INT32_MAX}, {INT32_MAX, 1999},
    };
    const struct omega_room asked = {1000, 2000};
    struct omega_entry entries[OMEGA_PLACE_BLOCK];
    omega_random_init(&dice, SEED, "test", 0);
    for (uint32_t round = 0; round < 1000; round++) {
        for (uint32_t m = 0; m < OMEGA_PLACE_BLOCK; m++) {
            entries[m].room = full[roll(6)];
            entries[m].stamp = omega_random_u64(&dice);
        }
        ck_assert(!omega_place_any(entries, OMEGA_PLACE_BLOCK, asked));
        struct omega_room *open = &entries[round % OMEGA_PLACE_BLOCK].room;
        *open = asked;
        ck_assert(omega_place_any(entries, OMEGA_PLACE_BLOCK, asked));
        *open = (struct omega_room){INT32_MAX, INT32_MAX};
        ck_assert(omega_place_any(entries, OMEGA_PLACE_BLOCK, asked));
        ck_assert(omega_place_any(entries, OMEGA_PLACE_BLOCK, *open));
    }
}
END_TEST

/* ---- what is full is remembered ---- */

/* A nearly full cell: one machine in some hundred has room for a few tasks. */
static void nearly_full(struct omega_entry *entries, uint32_t machines)
{
    const uint32_t open = 1 + roll(300);
    for (uint32_t m = 0; m < machines; m++) {
        const bool has_room = roll(open) == 0;
        entries[m].room.cpu_milli = has_room ? (int32_t)roll(5) : -1;
        entries[m].room.mem_mib = (int32_t)roll(5);
    }
}

/* Of most strides no machine is eligible, of the others some are. */
static uint64_t *sparse_bitmap(uint32_t machines)
{
    uint64_t *bitmap = calloc(machines / 64 + 1, sizeof(*bitmap));
    for (uint32_t m = 0; m < machines; m += OMEGA_PLACE_STRIDE) {
        const bool some = roll(3) == 0;
        bitmap[m / 64] |= some ? (omega_random_u64(&dice) & UINT16_MAX) << m % 64 : 0;
    }
    return bitmap;
}

/* The first that suits, one machine after the other. */
static uint32_t plain_first(const struct omega_place *place, uint32_t from, uint32_t to)
{
    while (from < to && !omega_place_suits(place, from)) {
        from++;
    }
    return from < to ? from : OMEGA_NO_MACHINE;
}

/* Scans for one task after the other, from anywhere, find what they find without the memory, and
 * leave out what they went through: in cells of every size of region, of whole and broken ones. */
START_TEST(what_is_full_is_remembered)
{
    enum {
        LARGE = 150000
    };
    const uint32_t sizes[] = {1, 15, 16, 63, 64, 65, 1000, 65535, 65536, 65537, 131071, 150000};
    printf("seed %u\n", SEED);
    omega_random_init(&dice, SEED, "full", 0);
    uint32_t left_out = 0;
    for (uint32_t round = 0; round < 4 * sizeof(sizes) / sizeof(sizes[0]); round++) {
        const uint32_t machines = sizes[round / 4];
        uint64_t *bitmap = roll(2) == 0 ? sparse_bitmap(machines) : NULL;
        struct omega_entry *entries = calloc(machines, sizeof(*entries));
        nearly_full(entries, machines);
        struct omega_place place = {.entry = entries,
                                    .eligible = bitmap,
                                    .machine_count = machines,
                                    .request = {.cpu_milli = 1, .mem_mib = 1}};
        struct omega_full known;
        omega_full_forget(&known);
        for (uint32_t task = 0; task < 500; task++) {
            const uint32_t a = roll(3) == 0 ? 0 : roll(machines + 1);
            const uint32_t b = roll(3) == 0 ? machines : roll(machines + 1);
            const uint32_t from = a < b ? a : b;
            const uint32_t to = a < b ? b : a;
            const uint32_t machine = omega_place_first(&place, from, to);
            ck_assert_uint_eq(omega_full_first(&known, &place, from, to), machine);
            if (machines <= 1000) {
                ck_assert_uint_eq(machine, plain_first(&place, from, to));
            }
            if (machine != OMEGA_NO_MACHINE) {
                ck_assert(omega_room_take(&entries[machine].room, (struct omega_room){1, 1}));
            }
        }
        ck_assert_uint_lt((machines - 1) >> known.shift, OMEGA_FULL_REGIONS);
        if (omega_full_first(&known, &place, 0, machines) == OMEGA_NO_MACHINE) {
            nearly_full(entries, machines);
            left_out += omega_place_first(&place, 0, machines) != OMEGA_NO_MACHINE;
            ck_assert_uint_eq(omega_full_first(&known, &place, 0, machines), OMEGA_NO_MACHINE);
        }
        free(entries);
        free(bitmap);
    }
    ck_assert_uint_gt(left_out, 10);
}
END_TEST

/* What omega_place_run() is given in the next test: a transaction whose first claim lets room come
 * back on a machine that the scan for it went by. */
struct moving_txn {
    struct omega_txn_head head; /* first */
    uint32_t comes_back;
    uint32_t claimed[2];
    uint32_t count;
};

static int moving_claim(struct omega_txn *txn, uint32_t group, uint32_t task, uint32_t machine,
                        uint32_t devices)
{
    struct moving_txn *moving = (struct moving_txn *)(void *)txn;
    (void)group;
    (void)task;
    (void)devices;
    ck_assert(omega_room_take(&moving->head.entry[machine].room, moving->head.asked));
    moving->head.entry[moving->comes_back].room = moving->head.asked;
    moving->claimed[moving->count++] = machine;
    return 0;
}

/* A run of tasks goes by what it has found full itself, claimed or noted, and no longer than it
 * lasts: room that comes back meanwhile, which must not happen, is not found, by the next run it
 * is. */
static void run_remembers(bool noted)
{
    enum {
        MACHINES = 640
    };
    const struct omega_txn_ops ops = {.claim = moving_claim};
    const uint32_t tasks[] = {0, 1};
    uint32_t rounds = 0;
    for (uint64_t seed = 1; rounds < 10; seed++) {
        struct omega_entry entries[MACHINES] = {{.stamp = 0}};
        uint32_t notes[2] = {0};
        struct omega_random random;
        omega_random_init(&random, seed, "run", 0);
        struct omega_random draws = random;
        const uint32_t start = omega_random_below(&draws, MACHINES);
        const uint32_t back = (start / 64 + 1) * 64; /* the scan goes through its region */
        if (back >= MACHINES - 64 || omega_random_below(&draws, MACHINES) > back) {
            continue;
        }
        rounds++;
        entries[MACHINES - 1].room = (struct omega_room){2, 2};
        struct moving_txn txn = {.head = {.ops = &ops,
                                          .turn_count = noted,
                                          .turns = &tasks[1],
                                          .notes = notes,
                                          .machine_count = MACHINES,
                                          .entry = entries,
                                          .asked = {1, 1}},
                                 .comes_back = back};
        const struct omega_place place = {
            .entry = entries, .machine_count = MACHINES, .request = {.cpu_milli = 1, .mem_mib = 1}};
        const struct omega_tasks run = {.tasks = tasks, .count = 2};
        struct omega_txn *const handle = (struct omega_txn *)(void *)&txn;
        ck_assert_uint_eq(omega_place_run(&place, &random, 0, handle, &run, 2), 2);
        ck_assert_uint_eq(txn.claimed[0], MACHINES - 1);
        ck_assert_uint_eq(txn.head.note_count, noted);
        ck_assert_uint_eq(noted ? notes[0] : txn.claimed[1], MACHINES - 1);
        txn.count = 0;
        txn.head.turn_count = 0;
        ck_assert_uint_eq(omega_place_run(&place, &random, 0, handle, &run, 1), 1);
        ck_assert_uint_eq(txn.claimed[0], back);
    }
}

START_TEST(a_run_of_claims_remembers_what_is_full)
{
    run_remembers(false);
}
END_TEST

START_TEST(a_run_of_notes_remembers_what_is_full)
{
    run_remembers(true);
}
END_TEST

static void add_cases(Suite *suite)
{
    check_case(suite, "batch leaves nothing out", batch_leaves_nothing_out);
    check_case(suite, "service leaves nothing out", service_leaves_nothing_out);
    check_case(suite, "first_fit leaves nothing out", first_fit_leaves_nothing_out);
    check_case(suite, "reference leaves nothing out", reference_leaves_nothing_out);
    check_case(suite, "reference draws", reference_draws_as_java_does);
    check_case(suite, "reference's pool", reference_keeps_its_pool);
    check_case(suite, "reference's seed", reference_has_its_own_seed);
    check_case(suite, "service, spread", service_is_the_plain_search_with_spread);
    check_case(suite, "service, no spread", service_is_the_plain_search_without_spread);
    check_case(suite, "an empty cell", an_empty_cell);
    check_case(suite, "optional tasks", optional_tasks_come_last_and_by_choice);
    check_case(suite, "service spreads over attempts", service_spreads_over_attempts);
    check_case(suite, "drawn ahead is drawn", drawn_ahead_is_drawn);
    check_case(suite, "a block is its machines", a_block_is_its_machines);
    check_case(suite, "what is full is remembered", what_is_full_is_remembered);
    check_case(suite, "a run of claims remembers", a_run_of_claims_remembers_what_is_full);
    check_case(suite, "a run of notes remembers", a_run_of_notes_remembers_what_is_full);
    check_case(suite, "batch is uniform", batch_is_uniform);
    check_case(suite, "random_one is uniform", random_one_takes_distinct_machines_uniformly);
}

CHECK_MAIN("shipped modules", add_cases)
