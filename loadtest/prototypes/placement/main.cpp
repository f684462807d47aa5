// Measures where items should lie: each candidate under each workload. See docs/architecture.md, "Bytes".
// usage: strata-placement [--placement NAME] [--workload NAME] [--budget-mib N] [--unit-kib N] [--copies X] [--free-share X] [--scale X]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>

#include "loadtest/prototypes/placement/workloads.h"

using namespace strata;
using namespace strata::placement;

namespace {

void print(const Given& given, const std::vector<Driver::Phase>& phases) {
  for (const Driver::Phase& phase : phases) {
    fmt::print("| {} | {} | {} | {:.0f} | {} | {:.3f} | {:.2f} | {:.0f} | {:.1f} | {:.0f} | {} |\n", phase.name, given.placement,
               given.budget_bytes >> 20, static_cast<double>(phase.resident_bytes) / 1048576.0, phase.items,
               phase.resident_per_requested, phase.copied_per_inserted, phase.ns_per_store, phase.p999_us, phase.worst_us,
               phase.hit_ratio < 0 ? "" : fmt::format("{:.4f}", phase.hit_ratio));
  }
  std::fflush(stdout);
}

int replay_all(const Given& given) {
  const char* told = std::getenv("STRATA_DATA");  // NOLINT(concurrency-mt-unsafe): nobody sets it
  const std::filesystem::path folder = std::filesystem::path(told != nullptr ? told : "../shared/data") / "traces";
  if (!std::filesystem::is_directory(folder)) {
    fmt::print(stderr, "strata-placement: no traces in {}: set STRATA_DATA to the folder above it\n", folder.string());
    return 1;
  }
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    if (file.path().extension() != ".zst") continue;
    std::string problem;
    const auto trace = loadtest::Trace::read(file.path(), 0, problem);
    if (!trace) {
      fmt::print(stderr, "strata-placement: {}\n", problem);
      return 1;
    }
    print(given, replay(given, file.path().stem().stem(), *trace));
  }
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("Measures candidates for the placement of items");
  std::string only_placement, only_workload;
  std::uint64_t budget_mib = 256, unit_kib = 0;
  double scale = 1;
  Given given;
  app.add_option("--placement", only_placement)
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(kPlacements), std::end(kPlacements))));
  app.add_option("--workload", only_workload)->check(CLI::IsMember({"load", "same", "drift", "limit", "waves", "traces"}));
  app.add_option("--budget-mib", budget_mib)->check(CLI::Range(4, 1 << 14));
  app.add_option("--unit-kib", unit_kib, "of a segment or span; 0: by the budget")->check(CLI::Range(0, 1 << 14));
  app.add_option("--copies", given.copies_per_insert);
  app.add_option("--free-share", given.least_free_share);
  app.add_option("--scale", scale, "of the item sets");
  CLI11_PARSE(app, argc, argv);

  fmt::print(
      "| workload | placement | budget MiB | resident MiB | items | resident/requested | copied/inserted | ns a store | p99.9 us "
      "| worst us | hit ratio |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  int result = 0;
  for (const char* placement : kPlacements) {
    if (!only_placement.empty() && only_placement != placement) continue;
    given.placement = placement;
    given.budget_bytes = budget_mib << 20;
    const bool segments = std::string_view(placement) == "log" || std::string_view(placement) == "mixed";
    // A segment is about a 256th of the budget, a span a sixteenth of that: many classes have one that is half empty.
    const std::uint64_t segment_kib = std::clamp<std::uint64_t>(budget_mib * 4, 256, 2048);
    const std::uint64_t kib = unit_kib != 0 ? unit_kib
                              : segments    ? segment_kib
                                            : std::clamp<std::uint64_t>(budget_mib / 4, 8, 64);
    given.unit_bytes = static_cast<std::uint32_t>(kib << 10);
    const auto wanted = [&](const char* name) { return only_workload.empty() || only_workload == name; };
    if (wanted("load")) print(given, load_item_sets(given, scale));
    if (wanted("same")) print(given, overwrite_same_sizes(given));
    if (wanted("drift")) print(given, overwrite_drifting_sizes(given));
    if (wanted("limit")) print(given, drift_at_the_limit(given));
    if (wanted("waves")) print(given, expire_in_waves(given));
    if (wanted("traces")) result |= replay_all(given);
  }
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "strata-placement: %s\n", error.what());
    return 1;
  }
}
