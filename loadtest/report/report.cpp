#include "loadtest/report/report.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <iterator>

#include "loadtest/version.h"
#include "loadtest/workload/preset.h"

namespace strata::loadtest {

namespace {

namespace json = boost::json;

struct Percentile {
  const char* name;   // in JSON
  const char* title;  // in a table
  double share;
};
constexpr Percentile kPercentiles[] = {
    {"p50", "p50", 0.5}, {"p90", "p90", 0.9}, {"p99", "p99", 0.99}, {"p99_9", "p99.9", 0.999}, {"p99_99", "p99.99", 0.9999}};

double us(std::uint64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e3; }

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

double rate(const RunResult& result) {
  return result.seconds > 0 ? static_cast<double>(result.requests()) / result.seconds : 0.0;
}

Histogram of_second(const SecondRow& row) {
  Histogram latency;
  for (const SecondRow::Bucket& bucket : row.latency) latency.add(Histogram::upper_end(bucket.index), bucket.count);
  return latency;
}

json::object latency_json(const Histogram& latency) {
  json::object object{{"mean", latency.mean() / 1e3}};
  for (const Percentile& percentile : kPercentiles) object[percentile.name] = us(latency.percentile(percentile.share));
  object["max"] = us(latency.maximum());
  return object;
}

json::object workload_json(const Options& options) {
  const WorkloadOptions& workload = options.workload;
  json::object object{{"keys", workload.keys},
                      {"key_bytes", workload.key_bytes},
                      {"value_size", workload.value_size},
                      {"value_content", workload.value_content},
                      {"mix", workload.mix},
                      {"distribution", workload.distribution},
                      {"ttl", workload.ttl},
                      {"churn", workload.churn},
                      {"one_hit_wonders", workload.one_hit_wonders},
                      {"seed", workload.seed}};
  object["synthetic_preset"] = workload.preset.empty() ? json::value(nullptr) : json::value(workload.preset);
  return object;
}

json::object operations_json(const Recorder& recorder) {
  json::object operations;
  for (std::size_t i = 0; i < kOperationKinds; ++i) {
    const OperationCounts& counts = recorder.counts(static_cast<OperationKind>(i));
    if (counts.latency.count() == 0) continue;
    operations[kOperationNames[i]] = json::object{{"requests", counts.latency.count()},
                                                  {"hits", counts.hits},
                                                  {"misses", counts.misses},
                                                  {"errors", counts.errors},
                                                  {"latency_us", latency_json(counts.latency)}};
  }
  return operations;
}

json::array series_json(const Recorder& recorder) {
  json::array series;
  for (const SecondRow& row : recorder.series()) {
    const Histogram latency = of_second(row);
    series.push_back(json::object{{"second", series.size()},
                                  {"requests", latency.count()},
                                  {"errors", row.errors},
                                  {"p50_us", us(latency.percentile(0.5))},
                                  {"p99_us", us(latency.percentile(0.99))},
                                  {"max_us", us(latency.maximum())}});
  }
  return series;
}

json::object trace_json(const TraceResult& trace) {
  const TraceCounts& counts = trace.counts;
  return {{"requests", counts.requests},
          {"hits", counts.hits},
          {"misses", counts.misses()},
          {"compulsory_misses", counts.compulsory_misses},
          {"non_compulsory_misses", counts.misses() - counts.compulsory_misses},
          {"hit_ratio", ratio(counts.hits, counts.requests)},
          {"byte_hit_ratio", ratio(counts.bytes_hit, counts.bytes_requested)},
          {"distinct_keys", trace.distinct_keys},
          {"footprint_bytes", trace.footprint_bytes}};
}

void add_command_parts(json::object& object, const RunResult& result) {
  if (result.server) {
    object["server"] = json::object{{"pid", result.server->pid},
                                    {"cpu_us_per_request", result.server->cpu_us_per_request},
                                    {"rss_bytes_before", result.server->resident_bytes_before},
                                    {"rss_bytes_after", result.server->resident_bytes_after}};
  }
  if (result.trace) object["trace"] = trace_json(*result.trace);
  if (result.look_aside) {
    const LookAsideCounts& counts = *result.look_aside;
    object["look_aside"] = json::object{{"requests", counts.requests},
                                        {"hits", counts.hits},
                                        {"misses", counts.requests - counts.hits},
                                        {"hit_ratio", ratio(counts.hits, counts.requests)}};
  }
  if (result.verification) {
    const VerifyCounts& counts = result.verification->counts;
    object["verify"] = json::object{{"checked", counts.checked},
                                    {"wrong", counts.wrong},
                                    {"stale", counts.stale},
                                    {"lost", counts.lost},
                                    {"absent", counts.absent}};
  }
  if (result.loaded) {
    object["load"] = json::object{{"items", result.loaded->items},
                                  {"items_on_server", result.loaded->items_on_server},
                                  {"key_bytes", result.loaded->key_bytes},
                                  {"value_bytes", result.loaded->value_bytes}};
  }
}

void append_latency(const char* name, const Histogram& latency, std::string& to) {
  auto out = std::back_inserter(to);
  fmt::format_to(out, "{:<10}{:>12}{:>10.1f}", name, latency.count(), latency.mean() / 1e3);
  for (const Percentile& percentile : kPercentiles) fmt::format_to(out, "{:>10.1f}", us(latency.percentile(percentile.share)));
  fmt::format_to(out, "{:>10.1f}\n", us(latency.maximum()));
}

void append_table(const Recorder& recorder, std::string& to) {
  auto out = std::back_inserter(to);
  fmt::format_to(out, "{:<10}{:>12}{:>10}", "", "requests", "mean us");
  for (const Percentile& percentile : kPercentiles) fmt::format_to(out, "{:>10}", percentile.title);
  fmt::format_to(out, "{:>10}\n", "max");
  for (std::size_t i = 0; i < kOperationKinds; ++i) {
    const Histogram& latency = recorder.counts(static_cast<OperationKind>(i)).latency;
    if (latency.count() > 0) append_latency(kOperationNames[i].data(), latency, to);
  }
  append_latency("all", recorder.latency(), to);
}

void append_command_parts(const RunResult& result, std::string& to) {
  auto out = std::back_inserter(to);
  if (result.server) {
    fmt::format_to(out, "server: {:.3f} us of processor time a request, resident {:.1f} MiB -> {:.1f} MiB\n",
                   result.server->cpu_us_per_request, static_cast<double>(result.server->resident_bytes_before) / 1048576.0,
                   static_cast<double>(result.server->resident_bytes_after) / 1048576.0);
  }
  if (result.trace) {
    const TraceCounts& counts = result.trace->counts;
    fmt::format_to(
        out,
        "trace: {} accesses to {} keys ({:.1f} MiB); hit ratio {:.4f}, of bytes {:.4f}; {} misses, {} of them not compulsory\n",
        counts.requests, result.trace->distinct_keys, static_cast<double>(result.trace->footprint_bytes) / 1048576.0,
        ratio(counts.hits, counts.requests), ratio(counts.bytes_hit, counts.bytes_requested), counts.misses(),
        counts.misses() - counts.compulsory_misses);
  }
  if (result.verification) {
    const VerifyCounts& counts = result.verification->counts;
    fmt::format_to(out, "verified: {} replies; {} wrong, {} stale, {} lost; {} rightly absent\n", counts.checked, counts.wrong,
                   counts.stale, counts.lost, counts.absent);
  }
  if (result.loaded) {
    fmt::format_to(out, "loaded: {} keys, {} bytes of keys, {} of values; the server holds {}\n", result.loaded->items,
                   result.loaded->key_bytes, result.loaded->value_bytes, result.loaded->items_on_server);
  }
}

}  // namespace

const char* name_of(Protocol protocol) noexcept {
  switch (protocol) {
    case Protocol::resp3: return "resp3";
    case Protocol::memcached: return "memcached";
    default: return "resp2";
  }
}

std::string text_report(const Options& options, const RunResult& result) {
  std::string text;
  auto out = std::back_inserter(text);
  if (!options.workload.preset.empty()) fmt::format_to(out, "workload: synthetic, after {}\n", options.workload.preset);
  if (result.requests() > 0) {
    fmt::format_to(out, "{} requests in {:.2f} s: {:.0f} a second; {:.3f} us of this program's processor time each{}\n",
                   result.requests(), result.seconds, rate(result), result.client_cpu_us_per_request,
                   result.encoded_ahead ? " (encoded ahead)" : "");
    if (options.rate > 0) {
      fmt::format_to(out, "open loop: {} a second were due; {} left more than 1 ms late\n", options.rate, result.late_sends);
    }
    append_table(result.recorder, text);
  }
  for (std::size_t i = 0; i < kOperationKinds; ++i) {
    const OperationCounts& counts = result.recorder.counts(static_cast<OperationKind>(i));
    if (counts.hits + counts.misses > 0) {
      fmt::format_to(out, "{}: {} hits, {} misses ({:.4f})\n", kOperationNames[i], counts.hits, counts.misses,
                     ratio(counts.hits, counts.hits + counts.misses));
    }
  }
  append_command_parts(result, text);
  for (const auto& [error, times] : result.recorder.error_texts()) fmt::format_to(out, "error, {} times: {}\n", times, error);
  return text;
}

std::string json_report(const Options& options, const RunResult& result) {
  json::array words;
  for (const std::string& word : options.words) words.emplace_back(word);
  json::object errors;
  for (const auto& [error, times] : result.recorder.error_texts()) errors[error] = times;
  json::array problems;
  for (const std::string& problem : result.problems) problems.emplace_back(problem);
  json::object object{
      {"tool", "strata-loadtest"},
      {"version", kVersion},
      {"command", std::move(words)},
      {"started", result.started},
      {"target", {{"protocol", name_of(options.target.protocol)}, {"address", options.target.address()}}},
      {"workload", workload_json(options)},
      {"threads", options.threads},
      {"connections", options.threads * options.connections},
      {"pipeline", options.pipeline},
      {"duration_s", result.seconds},
      {"requests", result.requests()},
      {"requests_per_s", rate(result)},
      {"errors", std::move(errors)},
      {"error_count", result.recorder.errors()},
      {"problems", std::move(problems)},
      {"client", {{"cpu_us_per_request", result.client_cpu_us_per_request}, {"encoded_ahead", result.encoded_ahead}}},
      {"latency_us", latency_json(result.recorder.latency())},
      {"operations", operations_json(result.recorder)},
      {"series", series_json(result.recorder)}};
  if (options.rate > 0) {
    object["open_loop"] = json::object{
        {"rate", options.rate}, {"arrivals", options.poisson ? "poisson" : "uniform"}, {"late_sends", result.late_sends}};
  }
  if (options.may_drop) object["dropped_connections"] = result.dropped_connections;
  add_command_parts(object, result);
  return json::serialize(object) + "\n";
}

std::string preset_list() {
  json::array list;
  for (const Preset& preset : presets()) {
    list.push_back(json::object{{"preset", preset.name},
                                {"key_bytes", preset.key_bytes},
                                {"value_bytes", preset.value_bytes},
                                {"alpha", preset.alpha},
                                {"compulsory_miss_ratio", preset.compulsory_misses},
                                {"one_hit_wonder_ratio", preset.one_hit_wonders},
                                {"published_miss_ratio", preset.published_miss_ratio},
                                {"working_set_mb", preset.working_set_mb},
                                {"category", preset.category},
                                {"mix", preset.mix},
                                {"ttl", preset.ttl}});
  }
  return json::serialize(list) + "\n";
}

std::string csv_report(const RunResult& result) {
  std::string text = "second,requests,errors,p50_us,p99_us,max_us\n";
  std::size_t second = 0;
  for (const SecondRow& row : result.recorder.series()) {
    const Histogram latency = of_second(row);
    fmt::format_to(std::back_inserter(text), "{},{},{},{:.1f},{:.1f},{:.1f}\n", second++, latency.count(), row.errors,
                   us(latency.percentile(0.5)), us(latency.percentile(0.99)), us(latency.maximum()));
  }
  return text;
}

}  // namespace strata::loadtest
