#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/commands/context.h"

namespace strata::server {

// Commands without sockets and loops: a test is the loop, and decides what happens between the slices of a command.
class CommandTest : public testing::Test, private Suspension {
 protected:
  CommandTest() { session_->set_now_ms(kNowMs); }

  static constexpr std::int64_t kNowMs = 1'700'000'000'000;

  // The reply of a command, or nothing: it goes on with resume().
  std::optional<std::string> begin(const std::vector<std::string>& words) {
    words_ = words;
    args_.assign(words_.begin(), words_.end());
    Context context = this->context();
    context.args = args_;
    context.ticks = ticks_;
    std::size_t bytes = 0;
    for (const std::string_view word : args_) bytes += word.size();
    if (closer_look_.is_due_for_request(bytes)) reply_.remark();
    const Outcome outcome = execute(context);
    command_ = context.command;
    ticks_ = context.ticks;
    return taken(outcome);
  }
  std::optional<std::string> resume() {
    const Continuation rest = std::exchange(rest_, nullptr);
    Context context = this->context();
    context.command = command_;
    return taken(server::resume(context, rest));
  }
  // The reply, after as many slices as it takes.
  std::string call(const std::vector<std::string>& words) {
    slices_ = 1;
    std::optional<std::string> reply = begin(words);
    for (; !reply; ++slices_) reply = resume();
    return *reply;
  }
  // Bytes of the reply of a command that goes on.
  [[nodiscard]] std::size_t answered() const { return reply_.size_since({}); }
  // The connection is closed while the command waits.
  void drop() {
    rest_ = nullptr;
    client_.sliced = {};
  }

  std::string get(std::string_view name) {
    std::string value;
    cache_.read(*session_, cache_.key(0, name), [&](const ItemView& item) { value = item.value; });
    return value;
  }
  void set(std::string_view name, std::string_view value) {
    ASSERT_EQ(cache_.update(*session_, cache_.key(0, name), [&](Decision& decision) { decision.put(value, kNoExpiry); }),
              Status::ok);
  }

  Cache cache_{{}, {}};
  std::unique_ptr<Session> session_ = cache_.open_session();
  RuntimeLimits limits_;
  ClientRegistry clients_;
  CommandTable table_;
  Statistics statistics_{table_.all().size()};
  CloserLook closer_look_;
  CommandLog command_log_{closer_look_};
  std::size_t slices_ = 0;   // of the last call
  std::uint64_t ticks_ = 0;  // when it ended, for the command behind it in a pipeline

 private:
  void resume_after(std::chrono::milliseconds, Continuation rest) override { rest_ = std::move(rest); }
  void resume_soon(Continuation rest) override { rest_ = std::move(rest); }
  void block(std::optional<std::chrono::milliseconds>, Continuation rest) override { rest_ = std::move(rest); }
  void hold(std::unique_ptr<HeldRequest> request, std::chrono::milliseconds) override { held_ = std::move(request); }

  Context context() {
    return {.server = server_,
            .client = client_,
            .session = *session_,
            .reply = reply_,
            .statistics = loop_,
            .suspension = *this,
            .command = nullptr,
            .args = {},
            .blocks = {},
            .reply_begin = reply_.mark(),
            .remarks_before = reply_.remarks()};
  }
  // As the client sees it.
  std::optional<std::string> taken(Outcome outcome) {
    if (outcome == Outcome::suspended) return std::nullopt;
    const std::string_view bytes = reply_.bytes().view();
    std::string all;
    std::size_t from = 0;
    for (const Reply::Pin& pin : reply_.pins()) {
      all.append(bytes.substr(from, pin.offset - from)).append(pin.bytes);
      from = pin.offset;
    }
    all.append(bytes.substr(from));
    reply_.clear(0);
    return all;
  }

  SettingsStore settings_{{}, {}, {}};
  LoopStatistics& loop_ = statistics_.add_loop();
  CommandGate gate_;
  AclRegistry acl_{table_, gate_};
  LatencyMonitor latency_{closer_look_};
  ClientPause pause_{gate_};
  MonitorFeed monitors_{closer_look_};
  ProcessFacts facts_;
  ServerState server_{cache_,       settings_,    table_,   clients_, statistics_, limits_, acl_, gate_,
                      closer_look_, command_log_, latency_, pause_,   monitors_,   facts_,  [] {}};
  Client client_{{}};
  Reply reply_;
  std::vector<std::string> words_;
  std::vector<std::string_view> args_;
  const Command* command_ = nullptr;
  Continuation rest_;
  std::unique_ptr<HeldRequest> held_;
};

}  // namespace strata::server
