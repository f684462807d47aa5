#include "server/app.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "server/admin/admin_server.h"
#include "server/commands/server_state.h"
#include "server/listen_address.h"
#include "server/logging.h"
#include "server/net/acceptor.h"
#include "server/net/event_loop.h"
#include "server/net/tls_context.h"
#include "server/settings_store.h"
#include "server/version.h"

namespace strata::server {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kSamplePeriod = std::chrono::milliseconds(100);
// Descriptors that are not clients: loops, timers, listeners, log, admin sessions.
constexpr rlim_t kOwnDescriptors = 128;

// To which a limit may give way.
constexpr std::uint64_t kLeastLimit = 1ULL << 20;

// The one place where configuration becomes the engine's own terms.
cache::Policy engine_policy(config::EvictionPolicy policy) {
  return cache::policy_from_name(config::kEvictionPolicyNames[static_cast<std::size_t>(policy)]).value();
}

cache::Tunables engine_tunables(const config::Settings& settings, std::uint64_t available_bytes) {
  cache::Tunables tunables;
  tunables.max_memory_bytes = settings.memory.max_memory.bytes_of(available_bytes);
  tunables.policy = engine_policy(settings.memory.policy);
  tunables.eviction_samples = settings.memory.eviction_samples;
  const config::DynamicSizing& sizing = settings.dynamic_sizing;
  const std::uint64_t most = tunables.max_memory_bytes;
  tunables.dynamic_sizing = {
      .is_on = sizing.enabled,
      // A percentage may come to less than a limit can be, and a size to more than max_memory is on this machine.
      .min_bytes = std::clamp(sizing.min_memory.bytes_of(most), std::min(kLeastLimit, most), most),
      .reserve_bytes = sizing.reserve.bytes_of(most),
      .growth_percent = sizing.growth_percent,
      .look_ms = sizing.interval.count(),
      .calm_ms = sizing.calm.count()};
  tunables.expiry = {.jitter_percent = settings.expiry.jitter_percent, .is_sliding = settings.expiry.sliding};
  return tunables;
}

cache::AutoInvalidation engine_auto_invalidation(const config::AutoInvalidation& settings) {
  using Then = cache::AutoInvalidation::Then;
  constexpr std::array kThen{Then::nothing, Then::prefix, Then::database, Then::everything};
  cache::AutoInvalidation engine;
  engine.interval_ms = settings.interval.count();
  engine.idle_percent = settings.idle_percent;
  engine.max_age_ms = settings.max_age.count();
  engine.pressure_percent = settings.pressure_percent;
  engine.relief_percent = settings.relief_percent;
  engine.pressure_ms = settings.pressure_time.count();
  engine.hits_window_ms = settings.hits_window.count();
  engine.hits_percent = settings.hits_percent;
  engine.least_reads = settings.hits_least_reads;
  engine.then = kThen[static_cast<std::size_t>(settings.hits_action)];
  engine.database = static_cast<Namespace>(settings.hits_database);
  engine.prefix = settings.hits_prefix;
  return engine;
}

cache::Options engine_options(const config::Settings& settings) {
  cache::Options options;
  options.namespaces = settings.server.databases;
  options.hash_seed = os::random_u64().value_or(os::monotonic_ns());  // without entropy at least no constant
  return options;
}

unsigned thread_count(const config::Settings& settings) {
  return settings.server.threads > 0 ? settings.server.threads : std::max(1U, std::thread::hardware_concurrency());
}

std::string make_run_id() {
  std::string id;
  while (id.size() < 40) id += fmt::format("{:016x}", os::random_u64().value_or(os::monotonic_ns()));
  return id.substr(0, 40);
}

std::string resolve(const std::string& path, const std::string& data_dir) {
  return path.empty() ? path : (std::filesystem::absolute(data_dir) / path).lexically_normal().string();
}

std::string check_directory(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return fmt::format("server.data_dir: {}: {}. Create it, or change server.data_dir", path,
                       std::generic_category().message(errno));
  if (!S_ISDIR(status.st_mode)) return fmt::format("server.data_dir: {} is not a directory. Change server.data_dir", path);
  if (::access(path.c_str(), W_OK | X_OK) != 0)
    return fmt::format("server.data_dir: no permission to write to {}. Change its owner, or server.data_dir", path);
  return {};
}

// Raises the soft limit of open files as far as max_clients needs and the hard limit lets.
void raise_descriptor_limit(std::size_t clients) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = clients + kOwnDescriptors;
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted) return;
  spdlog::warn(
      "only {} files may be open, so at most {} clients will be served instead of limits.max_clients = {}; raise 'ulimit -n'",
      limit.rlim_cur, limit.rlim_cur - std::min(limit.rlim_cur, kOwnDescriptors), clients);
}

// Logs what the cache does by itself.
class EventLogger final : public cache::EventListener {
 public:
  void occurred(const cache::Event& event) noexcept override {
    spdlog::warn("event {}: {}: measured {:.3g}, threshold {:.3g}, keys removed: {}", event.number,
                 cache::kEventKindNames[static_cast<std::size_t>(event.kind)], event.measured, event.threshold, event.items);
  }
};

}  // namespace

class App::Impl {
 public:
  Impl(config::LoadResult&& loaded, config::Sources&& sources, std::string&& executable)
      : store_(std::move(loaded.settings), std::move(loaded.origins), std::move(sources)),
        settings_(*store_.current()),
        available_bytes_(os::LinuxSystemMemory().effective_available_bytes()),
        whole_bytes_(os::LinuxSystemMemory().whole_bytes()),
        cache_(engine_options(settings_), engine_tunables(settings_, available_bytes_.value_or(kAssumedBytes))),
        statistics_(commands_.all().size()),
        server_{cache_,   store_, commands_, clients_,     statistics_,
                limits_,  acl_,   gate_,     closer_look_, command_log_,
                latency_, pause_, monitors_, facts_,       [this] { request_stop("SHUTDOWN"); }},
        control_statistics_(statistics_.add_loop()),
        signals_(control_),
        sample_timer_(control_) {
    facts_.run_id = make_run_id();
    facts_.replication_id = make_run_id();
    facts_.started_at_ms = os::wall_clock_ms();
    facts_.executable = std::move(executable);
    facts_.threads = thread_count(settings_);
    cache_.events().set_listener(&event_logger_);
  }
  ~Impl() { cache_.events().set_listener(nullptr); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  std::string start();
  void run();

 private:
  static constexpr std::uint64_t kAssumedBytes = 1ULL << 30;  // where the machine does not say what it has

  void apply(const config::Settings& settings);
  [[nodiscard]] std::vector<config::Problem> check_memory(const config::Settings& settings) const;
  [[nodiscard]] std::shared_ptr<const TlsContext> load_tls(const config::Settings& settings,
                                                           std::vector<config::Problem>& problems) const;
  [[nodiscard]] std::vector<config::Problem> check(const config::Settings& settings) const;
  std::string load_users();
  std::string open_acceptors();
  void announce();
  void wait_for_signal();
  void reload();
  void sample();
  void request_stop(const char* reason);
  void stop();

  SettingsStore store_;
  const config::Settings settings_;  // those of the start: for the keys that can not change
  const std::optional<std::uint64_t> available_bytes_;
  const std::optional<std::uint64_t> whole_bytes_;  // of the machine or the control group
  EventLogger event_logger_;
  Cache cache_;
  CommandTable commands_;
  ClientRegistry clients_;
  Statistics statistics_;
  RuntimeLimits limits_;
  CommandGate gate_;
  AclRegistry acl_{commands_, gate_};
  CloserLook closer_look_;
  CommandLog command_log_{closer_look_};
  LatencyMonitor latency_{closer_look_};
  ClientPause pause_{gate_};
  MonitorFeed monitors_{closer_look_};
  ProcessFacts facts_;
  ServerState server_;
  LoopStatistics& control_statistics_;
  TlsFront tls_;
  std::vector<std::unique_ptr<EventLoop>> loops_;
  // After the loops, so that it goes first: acceptors refer to them.
  boost::asio::io_context control_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer sample_timer_;
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::unique_ptr<AdminServer> admin_;
  bool stopping_ = false;
};

// A limit near to what there is ends with the process being killed: others need memory too, and the system for what it does for this one.
std::vector<config::Problem> App::Impl::check_memory(const config::Settings& settings) const {
  constexpr std::uint64_t kMostPercent = 80;
  if (settings.memory.force || !whole_bytes_) return {};
  const std::uint64_t most = *whole_bytes_ / 100 * kMostPercent;
  const std::uint64_t wanted = settings.memory.max_memory.bytes_of(available_bytes_.value_or(kAssumedBytes));
  if (wanted <= most) return {};
  const auto mebibytes = [](std::uint64_t bytes) { return bytes >> 20U; };
  return {{"", "memory.max_memory",
           fmt::format("{} MiB is more than {} % of the {} MiB that the machine or the control group has", mebibytes(wanted),
                       kMostPercent, mebibytes(*whole_bytes_)),
           fmt::format("up to {}mb, or more with memory.force: yes", mebibytes(most))}};
}

// A null pointer without a problem: TLS is off.
std::shared_ptr<const TlsContext> App::Impl::load_tls(const config::Settings& settings,
                                                      std::vector<config::Problem>& problems) const {
  if (settings.tls.port == 0 && !(settings.tls.admin && settings.admin.port != 0)) return nullptr;
  return TlsContext::load(
      settings.tls, [&](const std::string& path) { return resolve(path, settings_.server.data_dir); }, problems);
}

std::vector<config::Problem> App::Impl::check(const config::Settings& settings) const {
  std::vector<config::Problem> problems = check_memory(settings);
  (void)load_tls(settings, problems);
  return problems;
}

void App::Impl::apply(const config::Settings& settings) {
  const auto set = [](auto& field, auto value) { field.store(value, std::memory_order_relaxed); };
  const cache::Tunables tunables = engine_tunables(settings, available_bytes_.value_or(kAssumedBytes));
  cache_.apply(tunables);
  cache_.set_auto_invalidation(engine_auto_invalidation(settings.auto_invalidation), os::wall_clock_ms());
  set(limits_.max_clients, std::size_t{settings.limits.max_clients});
  set(limits_.idle_timeout_ms, std::int64_t{settings.server.idle_timeout.count()});
  set(limits_.tcp_keepalive_seconds,
      std::int64_t{std::chrono::ceil<std::chrono::seconds>(settings.server.tcp_keepalive).count()});
  set(limits_.query_buffer_bytes, std::size_t{settings.limits.query_buffer_bytes});
  set(limits_.output_buffer_bytes, std::size_t{settings.limits.output_buffer_bytes});
  set(limits_.all_clients_bytes, settings.limits.all_clients.bytes_of(tunables.max_memory_bytes));
  set(limits_.bulk_bytes, std::size_t{settings.limits.bulk_length_bytes});
  set(limits_.arguments, std::size_t{settings.limits.arguments});
  monitors_.set_rate(static_cast<std::uint32_t>(settings.limits.monitor_lines));
  set(limits_.protected_mode, settings.security.protected_mode);
  acl_.set_default_password(settings.security.password);
  acl_.log().set_most_entries(settings.security.acl_log_entries);
  latency_.set_threshold_ms(settings.command_log.latency_threshold.count());
  command_log_.set({.slow_us = settings.command_log.slower_than_us,
                    .request_bytes = settings.command_log.request_larger_than,
                    .reply_bytes = settings.command_log.reply_larger_than,
                    .entries = settings.command_log.entries});
  set_log_level(settings.log.level);
  // What can not be loaded was refused before; if a file has changed since, the certificate that is in use stays.
  std::vector<config::Problem> problems;
  if (auto context = load_tls(settings, problems)) tls_.set(std::move(context));
  for (const config::Problem& problem : problems) spdlog::error("TLS goes on as it was: {}", problem.text());
}

std::string App::Impl::start() {
  if (auto problem = check_directory(settings_.server.data_dir); !problem.empty()) return problem;
  config::Log log = settings_.log;
  log.file = resolve(log.file, settings_.server.data_dir);
  if (auto problem = start_logging(log); !problem.empty()) return problem;
  if (settings_.server.port == 0 && settings_.tls.port == 0 && settings_.server.unix_socket.empty()) {
    return "nothing to listen on: server.port and tls.port are 0, and server.unix_socket is empty. Set one of them";
  }
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) signals_.add(signal);
  wait_for_signal();
  if (const auto problems = check(settings_); !problems.empty()) return problems.front().text();
  store_.on_change([this](const config::Settings& settings) { apply(settings); },
                   [this](const config::Settings& settings) { return check(settings); });
  if (auto problem = load_users(); !problem.empty()) return problem;
  if (auto problem = check_exposure(settings_, acl_.default_needs_log_in()); !problem.empty()) return problem;
  raise_descriptor_limit(settings_.limits.max_clients + settings_.admin.max_connections);
  for (unsigned i = 0; i < facts_.threads; ++i) loops_.push_back(std::make_unique<EventLoop>(server_, i, facts_.threads));
  if (auto problem = open_acceptors(); !problem.empty()) return problem;
  if (settings_.admin.port != 0) {
    ListenError error;
    admin_ = AdminServer::listen(control_, server_, settings_.tls.admin ? &tls_ : nullptr, error);
    if (!admin_) return error.text;
  }
  for (const auto& loop : loops_) loop->start();
  for (const auto& acceptor : acceptors_) acceptor->start();
  if (admin_) {
    admin_->start();
    admin_->set_ready(true);
  }
  announce();
  return {};
}

// After the password of the settings is in force: the file has the last word on every user, as in Redis.
std::string App::Impl::load_users() {
  if (settings_.security.acl_file.empty()) return {};
  acl_.set_file(resolve(settings_.security.acl_file, settings_.server.data_dir));
  if (AclRegistry::Loaded loaded = acl_.load(); !loaded.wrong.empty()) return "security.acl_file: " + loaded.wrong;
  if (!settings_.security.password.empty())
    spdlog::warn("security.password is not used: security.acl_file says who the user default is");
  return {};
}

std::string App::Impl::open_acceptors() {
  const Acceptor::Environment environment{.io = control_,
                                          .server = server_,
                                          .loops = loops_,
                                          .statistics = control_statistics_,
                                          .backlog = static_cast<int>(settings_.server.tcp_backlog)};
  ListenError error;
  const auto keep = [&](std::unique_ptr<Acceptor> acceptor) {
    if (!acceptor) return false;
    if (facts_.port == 0 && settings_.server.port != 0) facts_.port = acceptor->port();
    acceptors_.push_back(std::move(acceptor));
    return true;
  };
  const auto listen_on = [&](const Acceptor::Environment& with, std::uint32_t port) {
    return port == 0 || std::all_of(settings_.server.bind.begin(), settings_.server.bind.end(), [&](const std::string& address) {
             return keep(Acceptor::listen_tcp(with, address, static_cast<std::uint16_t>(port), error));
           });
  };
  if (!listen_on(environment, settings_.server.port)) return error.text;
  Acceptor::Environment with_tls = environment;
  with_tls.tls = &tls_;
  if (!listen_on(with_tls, settings_.tls.port)) return error.text;
  if (!settings_.server.unix_socket.empty()) {
    const std::string path = resolve(settings_.server.unix_socket, settings_.server.data_dir);
    if (!keep(Acceptor::listen_unix(environment, path, settings_.server.unix_socket_mode, error))) return error.text;
  }
  return {};
}

void App::Impl::announce() {
  const double mebibyte = 1 << 20;
  spdlog::info("Strata {} with {} thread{}, process {}", kVersion, facts_.threads, facts_.threads == 1 ? "" : "s", getpid());
  for (const std::string& address : settings_.server.bind) {
    if (facts_.port != 0) spdlog::info("clients: {}", address_and_port(address, facts_.port));
    if (settings_.tls.port != 0)
      spdlog::info("clients: {} by TLS", address_and_port(address, static_cast<std::uint16_t>(settings_.tls.port)));
  }
  if (!settings_.server.unix_socket.empty())
    spdlog::info("clients: {}", resolve(settings_.server.unix_socket, settings_.server.data_dir));
  if (admin_)
    spdlog::info("admin:   http{}://{}/v1/stats (metrics at /metrics)", settings_.tls.admin ? "s" : "",
                 address_and_port(settings_.admin.bind, admin_->port()));
  const cache::Tunables tunables = cache_.tunables();
  spdlog::info("memory:  {:.0f} MiB for keys, values, index and client buffers; at the limit: {}",
               static_cast<double>(tunables.max_memory_bytes) / mebibyte, cache::policy_name(tunables.policy));
  if (facts_.port != 0) {
    spdlog::info("try:     redis-cli -p {} SET greeting hello", facts_.port);
  } else if (!settings_.server.unix_socket.empty()) {
    spdlog::info("try:     redis-cli -s {} SET greeting hello", resolve(settings_.server.unix_socket, settings_.server.data_dir));
  }
}

void App::Impl::run() {
  sample();
  control_.run();
  for (const auto& loop : loops_) loop->join();
  spdlog::info("stopped");
}

void App::Impl::wait_for_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    if (signal == SIGHUP) {
      reload();
    } else {
      request_stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
    }
    if (!stopping_) wait_for_signal();
  });
}

void App::Impl::reload() {
  const SettingsStore::Reload outcome = store_.reload();
  for (const config::Problem& problem : outcome.problems) spdlog::error("configuration not reloaded: {}", problem.text());
  if (!outcome.problems.empty()) return;
  std::string changed;
  for (const std::string& path : outcome.changed) changed.append(changed.empty() ? "" : ", ").append(path);
  spdlog::info("configuration reloaded; changed: {}", changed.empty() ? "nothing" : changed);
}

void App::Impl::sample() {
  statistics_.sample(Clock::now());
  sample_timer_.expires_after(kSamplePeriod);
  sample_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) sample();
  });
}

void App::Impl::request_stop(const char* reason) {
  boost::asio::post(control_, [this, reason] {
    if (stopping_) return;
    stopping_ = true;
    spdlog::info("stopping: {}", reason);
    stop();
  });
}

// New clients are refused first; then every loop answers what it has read, and ends at the deadline by force.
void App::Impl::stop() {
  const auto deadline = Clock::now() + store_.current()->server.shutdown_timeout;
  for (const auto& acceptor : acceptors_) acceptor->close();
  if (admin_) {
    admin_->set_ready(false);
    admin_->close();
  }
  for (const auto& loop : loops_) loop->stop(deadline);
  sample_timer_.cancel();
  signals_.cancel();
  control_.stop();
}

App::App(config::LoadResult loaded, config::Sources sources, std::string executable)
    : impl_(std::make_unique<Impl>(std::move(loaded), std::move(sources), std::move(executable))) {}
App::~App() = default;

std::string App::start() { return impl_->start(); }
void App::run() { impl_->run(); }

}  // namespace strata::server
