#include "loadtest/command_line.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <cstdio>
#include <functional>

#include "config/nearest_word.h"
#include "config/value.h"
#include "loadtest/version.h"
#include "loadtest/workload/preset.h"

namespace strata::loadtest {

namespace {

constexpr unsigned kMostThreads = 256;
constexpr unsigned kMostConnections = 100'000;
constexpr unsigned kMostPipeline = 10'000;
// Otherwise the kernel takes megabytes in for a client that does not read, and the server never notices.
constexpr int kSlowReceiveBufferBytes = 65'536;

// Durations and sizes as text until all is read, so that a wrong one is refused in the same words as in the server.
struct Texts {
  std::string protocol = "resp2";
  std::string duration = "10s";
  std::string warmup = "0s";
  std::string arrivals = "poisson";
  std::string encode_ahead = "64mb";
  std::string read_rate;
};

// Puts options in the right command, and remembers those of the workload: what is given wins over the preset.
class OptionTable {
 public:
  explicit OptionTable(Options& options) : options_(options) {}

  void add_target(CLI::App& command) {
    Target& target = options_.target;
    command.add_option("--host", target.host, "Address or name of the server")->capture_default_str();
    command.add_option("--port", target.port, "Its TCP port")->capture_default_str();
    command.add_option("--unix-socket", target.unix_socket, "Its unix socket, instead of host and port");
    command.add_option("--protocol", texts_.protocol, "resp2, resp3 or memcached (text)")->capture_default_str();
    command.add_option("--password", target.password, "Sent with AUTH");
    command.add_option("--database", target.database, "Chosen with SELECT")->capture_default_str();
    command.add_option("--threads", options_.threads, "Threads of load")
        ->check(CLI::Range(1U, kMostThreads))
        ->capture_default_str();
    command.add_option("--connections", options_.connections, "Connections a thread")
        ->check(CLI::Range(1U, kMostConnections))
        ->capture_default_str();
    command
        .add_option("--pipeline", options_.pipeline,
                    "Requests sent together, before their replies; with --rate those due together")
        ->check(CLI::Range(1U, kMostPipeline))
        ->capture_default_str();
  }

  void add_output(CLI::App& command) {
    command.add_option("--json", options_.json_file, "Write the result as JSON to this file (- for standard output)");
    command.add_option("--csv", options_.csv_file, "Write a line a second to this file (- for standard output)");
    command.add_flag("--quiet", options_.quiet, "No progress bar");
    command.add_option("--server-pid", options_.server_pid, "Also measure processor time and resident memory of this process");
  }

  void add_keys(CLI::App& command) {
    add(command, "--keys", &WorkloadOptions::keys, "Size of the key space");
    add_key_text(command);
  }

  void add_key_text(CLI::App& command) {
    add(command, "--key-size", &WorkloadOptions::key_bytes, "Bytes of a key");
    add(command, "--key-prefix", &WorkloadOptions::key_prefix, "What keys begin with");
    add(command, "--value-size", &WorkloadOptions::value_size,
        "BYTES, uniform:LOW:HIGH, lognormal:MU:SIGMA[:MAX] or table:BYTES=WEIGHT,...");
    add(command, "--value-content", &WorkloadOptions::value_content, "random, json or lines:FILE");
    add(command, "--seed", &WorkloadOptions::seed, "The same seed gives the same requests");
  }

  void add_mix(CLI::App& command) {
    add(command, "--mix", &WorkloadOptions::mix, "Operations with weights: get, set, add, del, incr, touch");
    add(command, "--distribution", &WorkloadOptions::distribution,
        "Popularity of keys: uniform, zipf:ALPHA, gaussian:SHARE, hotset:KEYS:REQUESTS, sequential");
    add(command, "--ttl", &WorkloadOptions::ttl, "Time to live of what is stored: 60s=0.5,1h=0.5");
    command.add_option("--duration", texts_.duration, "How long to measure")->capture_default_str();
    command.add_option("--warmup", texts_.warmup, "How long to run before that")->capture_default_str();
  }

  void add_run(CLI::App& command) {
    command.add_option("--preset", options_.workload.preset, "A synthetic likeness of a production cache: " + preset_names());
    add(command, "--churn", &WorkloadOptions::churn, "Share of requests with which a key is replaced by a new one");
    add(command, "--one-hit-wonders", &WorkloadOptions::one_hit_wonders, "Share of requests to keys never asked for again");
    command.add_option("--requests", options_.requests, "Stop after so many requests instead of --duration");
    command
        .add_option("--rate", options_.rate,
                    "Open loop: so many requests a second are due, whether or not earlier ones are answered")
        ->check(CLI::Range(0.0, 1e8));
    command.add_option("--arrivals", texts_.arrivals, "Of the open loop: poisson or uniform")->capture_default_str();
    command.add_flag("--look-aside", options_.look_aside, "A GET that missed is followed by a SET of its key");
    command.add_option("--warm-requests", options_.warm_requests,
                       "So many requests of --look-aside only fill the cache: their hits and misses do not count");
    command.add_option("--read-rate", texts_.read_rate,
                       "Slow readers: each connection reads at most so much a second (64kb), from a small socket buffer");
    command.add_flag("--may-drop", options_.may_drop, "A connection that the server closes is counted and opened anew");
    command.add_option("--encode-ahead", texts_.encode_ahead, "Memory for requests encoded before the clock starts")
        ->capture_default_str();
  }

  // What is wrong with the texts and the preset, or nothing.
  std::string finish() {
    for (const Protocol protocol : {Protocol::resp2, Protocol::resp3, Protocol::memcached}) {
      if (texts_.protocol == kProtocols[static_cast<std::size_t>(protocol)]) options_.target.protocol = protocol;
    }
    if (std::find(std::begin(kProtocols), std::end(kProtocols), texts_.protocol) == std::end(kProtocols)) {
      return unknown("--protocol", texts_.protocol, {std::begin(kProtocols), std::end(kProtocols)});
    }
    if (texts_.arrivals != "poisson" && texts_.arrivals != "uniform") {
      return unknown("--arrivals", texts_.arrivals, {"poisson", "uniform"});
    }
    options_.poisson = texts_.arrivals == "poisson";
    const auto duration = config::parse_duration(texts_.duration);
    const auto warmup = config::parse_duration(texts_.warmup);
    const auto encode_ahead = config::parse_size(texts_.encode_ahead);
    if (!duration || duration->count() <= 0)
      return fmt::format("--duration {}: allowed: for example 10s, 500ms, 5m", texts_.duration);
    if (!warmup) return fmt::format("--warmup {}: allowed: for example 0s, 2s", texts_.warmup);
    if (!encode_ahead) return fmt::format("--encode-ahead {}: allowed: for example 64mb", texts_.encode_ahead);
    options_.duration = *duration;
    options_.warmup = *warmup;
    options_.encode_ahead_bytes = *encode_ahead;
    if (!texts_.read_rate.empty()) {
      const auto read_rate = config::parse_size(texts_.read_rate);
      if (!read_rate || *read_rate == 0) return fmt::format("--read-rate {}: allowed: for example 64kb", texts_.read_rate);
      options_.read_bytes_per_s = *read_rate;
      options_.target.receive_buffer_bytes = kSlowReceiveBufferBytes;
    }
    return take_preset();
  }

 private:
  static constexpr std::string_view kProtocols[] = {"resp2", "resp3", "memcached"};

  template <typename Field>
  void add(CLI::App& command, const char* name, Field WorkloadOptions::*field, const char* help) {
    CLI::Option* const option = command.add_option(name, options_.workload.*field, help)->capture_default_str();
    given_.emplace_back([option, field](const WorkloadOptions& from, WorkloadOptions& to) {
      if (option->count() > 0) to.*field = from.*field;
    });
  }

  static std::string preset_names() {
    std::string names;
    for (const Preset& preset : presets()) names.append(names.empty() ? "" : ", ").append(preset.name);
    return names;
  }

  static std::string unknown(const char* option, const std::string& value, const std::vector<std::string_view>& choices) {
    std::string text = fmt::format("{} {}: allowed: {}", option, value, fmt::join(choices, ", "));
    const std::string_view nearest = config::nearest_word(value, choices);
    return nearest.empty() ? text : text + fmt::format("; did you mean {}?", nearest);
  }

  std::string take_preset() {
    if (options_.workload.preset.empty()) return {};
    const Preset* const preset = find_preset(options_.workload.preset);
    if (preset == nullptr) {
      std::vector<std::string_view> names;
      for (const Preset& known : presets()) names.push_back(known.name);
      return unknown("--preset", options_.workload.preset, names);
    }
    WorkloadOptions workload;
    apply(*preset, workload);
    for (const auto& take : given_) take(options_.workload, workload);
    options_.workload = workload;
    return {};
  }

  Options& options_;
  Texts texts_;
  std::vector<std::function<void(const WorkloadOptions&, WorkloadOptions&)>> given_;
};

void add_nearest(const CLI::App& app, const std::string& word, std::string& text) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    names.push_back("--" + (option->get_lnames().empty() ? "" : option->get_lnames().front()));
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  const std::vector<std::string_view> choices(names.begin(), names.end());
  const std::string_view nearest = config::nearest_word(word.substr(0, word.find('=')), choices);
  if (!nearest.empty()) text += fmt::format("; did you mean {}?", nearest);
}

// CLI11 names what it does not know; the right word is the nearest one of the command that was meant.
int explain(CLI::App& app, const CLI::ParseError& stop) {
  const auto commands = app.get_subcommands();
  const CLI::App& meant = commands.empty() ? app : *commands.front();
  const std::vector<std::string> extra = app.remaining(true);
  if (stop.get_exit_code() == 0) return app.exit(stop);
  std::string text = stop.what();
  if (!extra.empty()) {
    text = fmt::format("{}: there is no such {}", extra.front(), extra.front().rfind("--", 0) == 0 ? "option" : "command");
    add_nearest(meant, extra.front(), text);
  }
  fmt::print(stderr, "strata-loadtest: {} (see strata-loadtest {}--help)\n", text,
             commands.empty() ? "" : meant.get_name() + " ");
  return 2;
}

}  // namespace

std::optional<Options> read_command_line(int argc, char** argv, int& exit_code) {
  Options options;
  options.words.assign(argv, argv + argc);
  CLI::App app{"Load for servers that speak the Redis protocol or memcached's: throughput, latency, hit ratios, verification",
               "strata-loadtest"};
  app.set_version_flag("--version", "strata-loadtest " + std::string(kVersion));
  app.require_subcommand(1);
  app.fallthrough(false);
  // Each command has its own table: an option given to one is not given to another.
  std::vector<std::unique_ptr<OptionTable>> tables;
  const auto command = [&](Command which, const char* name, const char* help) -> std::pair<CLI::App&, OptionTable&> {
    CLI::App& sub = *app.add_subcommand(name, help);
    OptionTable& table = *tables.emplace_back(std::make_unique<OptionTable>(options));
    sub.callback([&options, which] { options.command = which; });
    if (which != Command::presets) table.add_target(sub);
    return {sub, table};
  };
  auto [run, run_options] = command(Command::run, "run", "Requests after a workload, closed loop or (with --rate) open loop");
  run_options.add_keys(run);
  run_options.add_mix(run);
  run_options.add_run(run);
  run_options.add_output(run);
  auto [load, load_options] = command(Command::load, "load", "Store every key once, then compare the server's own count");
  load_options.add_keys(load);
  load_options.add_output(load);
  auto [trace, trace_options] =
      command(Command::trace, "trace", "Replay a recorded trace as a look-aside cache: GET, SET after a miss");
  trace.add_option("file", options.trace_file, "The trace: FILE.trc.zst")->required();
  trace.add_option("--requests", options.requests, "Only the first so many accesses");
  trace_options.add_key_text(trace);
  trace_options.add_output(trace);
  auto [verify, verify_options] = command(Command::verify, "verify", "Random reads and writes, every reply checked");
  verify_options.add_keys(verify);
  verify_options.add_mix(verify);
  verify.add_flag("--may-evict", options.may_evict, "A value that is gone was evicted, not lost");
  verify_options.add_output(verify);

  command(Command::presets, "presets", "List the presets with what was published of their caches, as JSON");

  exit_code = 0;
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    exit_code = explain(app, stop);
    return std::nullopt;
  }
  const std::string problem = tables[static_cast<std::size_t>(options.command)]->finish();
  if (problem.empty()) return options;
  fmt::print(stderr, "strata-loadtest: {}\n", problem);
  exit_code = 2;
  return std::nullopt;
}

}  // namespace strata::loadtest
