#include "server/net/connection.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <new>
#include <utility>

#include "protocol/errors.h"
#include "server/net/event_loop.h"

namespace strata::server {

namespace {

// Requests parsed ahead of their execution.
constexpr std::size_t kBatch = 64;
// Of these looked for at once; with keys no longer than this.
constexpr std::size_t kLookAhead = 16;
constexpr std::size_t kLookAheadKeyBytes = 1024;
// Replies beyond this are sent before the next request is executed.
constexpr std::size_t kSendBytes = 64ULL << 10;
constexpr std::size_t kSendPinnedBytes = 512ULL << 10;

}  // namespace

Connection::Connection(EventLoop& loop, std::unique_ptr<Transport> transport, std::shared_ptr<Client> client)
    : loop_(loop), transport_(std::move(transport)), client_(std::move(client)), reader_(loop.shared_input()) {}

Connection::~Connection() { loop_.server().cache.budget().charge(Purpose::client_buffers, -charged_bytes_); }

void Connection::start() {
  transport_->listen(shared_from_this());
  guarded([this] { finish_turn(); });
}

void Connection::close() noexcept {
  if (state_ == State::closed) return;
  state_ = State::closed;
  stop_waiting();
  rest_ = nullptr;
  client_->sliced = {};
  if (client_->watcher()) {
    loop_.server().monitors.remove(client_->watcher());
    client_->set_watcher(nullptr);
  }
  transport_->close();
  loop_.forget(*this);
}

void Connection::close_gracefully() {
  if (state_ == State::suspended && !timer_ && client_->wait() == Client::Wait::none) {
    client_->close_after_reply = true;  // its slices end by themselves
  } else if (state_ == State::suspended) {
    close();  // what waits for a time, or for others, would wait too long
  } else if (state_ != State::closed) {
    state_ = State::closing;
    end_if_sent();
  }
}

void Connection::end_if_sent() {
  if (!output_.empty()) return;
  if (transport_->is_flushed()) return close();
  after_send(IoStatus::would_block);
}

bool Connection::idle_longer_than(std::chrono::milliseconds limit, std::int64_t now_ms) const noexcept {
  return (state_ == State::open || state_ == State::paused) &&
         now_ms - client_->activity.last_active_ms.load(std::memory_order_relaxed) > limit.count();
}

Context Connection::context(const Reply::Mark& reply_begin) {
  return {.server = loop_.server(),
          .client = *client_,
          .session = loop_.session(),
          .reply = loop_.reply(),
          .statistics = loop_.statistics(),
          .suspension = *this,
          .command = last_command_,
          .args = {},
          .blocks = {},
          .reply_begin = reply_begin,
          .remarks_before = loop_.reply().remarks()};
}

template <typename Turn>
void Connection::guarded(Turn&& turn) {
  if (state_ == State::closed) return;
  try {
    loop_.begin_turn();
    loop_.session().set_touching(client_->is_touching());
    const Slice slice(loop_.session());
    turn();
  } catch (const std::bad_alloc&) {
    loop_.reply().clear(0);
    drop("its buffers do not fit into memory");
  }
}

void Connection::on_readable() {
  waiting_readable_ = false;
  if (state_ == State::open) {
    guarded([this] { read_turn(); });
  } else if (state_ == State::suspended && transport_->peer_has_closed()) {
    close();  // nobody waits for the reply any more
  }
}

void Connection::on_writable() {
  waiting_writable_ = false;
  guarded([this] { write_turn(); });
}

void Connection::go_on() {
  if (state_ == State::suspended) guarded([this] { resumed_turn(); });
}

void Connection::on_wake() {
  if (state_ == State::suspended && (held_ != nullptr || client_->wait() > Client::Wait::waits)) go_on();
  if (client_->watcher()) {
    guarded([this] {
      take_lines();
      finish_turn();
    });
  }
}

// Of who watches the others: what there is to see, if it has taken what came before.
void Connection::take_lines() {
  if (!client_->watcher() || state_ == State::closing || !output_.empty() || is_answering_) return;
  loop_.reply().append_raw(client_->watcher()->take());
}

void Connection::read_turn() {
  const IoResult result = transport_->read(reader_.prepare());
  if (result.status == IoStatus::closed) return close();
  if (result.status == IoStatus::ok) {
    loop_.statistics().traffic.network_input_bytes.add(result.bytes);
    reader_.received(result.bytes);
    process();
  }
  finish_turn();
}

void Connection::process() {
  const RuntimeLimits& limits = loop_.server().limits;
  protocol::ParseLimits parse_limits;
  parse_limits.bulk_bytes = limits.bulk_bytes.load(std::memory_order_relaxed);
  parse_limits.arguments = limits.arguments.load(std::memory_order_relaxed);
  parse_limits.large_bulk_bytes = cache::kLargeValueBytes;
  RequestBatch& batch = loop_.batch();
  loop_.reply().set_limit_bytes(limits.output_buffer_bytes.load(std::memory_order_relaxed));
  protocol::ParseStatus status = protocol::ParseStatus::request;
  while (state_ == State::open && status == protocol::ParseStatus::request) {
    parse_limits.authenticated = !loop_.server().acl.needs_log_in(*client_);
    reader_.set_limits(parse_limits);
    batch.clear();
    status = reader_.parse(batch, parse_limits.authenticated ? kBatch : 1);  // the limits may change with the next request
    batch.may_hold_large = loop_.server().closer_look.is_due_for_request(reader_.window_bytes());
    execute_batch(batch);
    if (status == protocol::ParseStatus::request) loop_.session().quiescent();  // after the last one the slice ends anyway
  }
  if (state_ == State::open && status == protocol::ParseStatus::error) {
    loop_.statistics().traffic.protocol_errors.add();
    loop_.reply().error(fmt::format("ERR {}", reader_.error()));
    loop_.statistics().count_error(loop_.reply().last_error_code());
    state_ = State::closing;
  }
}

// What most commands have as their first argument is taken for a key.
void Connection::hash_next_keys(RequestBatch& batch) {
  const std::size_t end = std::min(batch.keys.size() + kLookAhead, batch.requests.size());
  for (std::size_t i = batch.keys.size(); i < end; ++i) {
    const std::span<const std::string_view> args = batch.args_of(batch.requests[i]);
    const bool can_be_read = i > 0 || !reader_.refused();
    const bool has_key = can_be_read && args.size() > 1 && args[1].size() <= kLookAheadKeyBytes;
    batch.keys.push_back(has_key ? loop_.server().cache.key(client_->database(), args[1]) : Key{});
  }
}

// Keys are looked for ahead of their turn, a few requests at a time: their loads overlap, and those of the next few are under way while these are
// executed, first of their homes and then of their items. Where one is no key nothing is lost but the look.
void Connection::look_ahead(RequestBatch& batch, std::size_t at) {
  const Cache& cache = loop_.server().cache;
  const auto few = [&](std::size_t first) {
    return std::span(batch.keys).subspan(first, std::min(kLookAhead, batch.keys.size() - first));
  };
  if (at == 0) {
    hash_next_keys(batch);
    cache.prefetch(few(0));
  }
  if (at % kLookAhead == 0 && batch.keys.size() < batch.requests.size()) {
    hash_next_keys(batch);
    cache.prefetch_homes(few(at + kLookAhead));
  } else if (at % kLookAhead == kLookAhead / 2 && batch.keys.size() > at + kLookAhead / 2) {
    cache.prefetch(few(at + kLookAhead / 2));
  }
}

void Connection::execute_batch(RequestBatch& batch) {
  const bool looks_ahead = batch.requests.size() > 1;
  ticks_ = 0;
  for (std::size_t i = 0; i < batch.requests.size() && state_ == State::open; ++i) {
    const RequestBatch::Request& request = batch.requests[i];
    if (looks_ahead && i % (kLookAhead / 2) == 0) look_ahead(batch, i);
    const Key* const key = looks_ahead ? &batch.keys[i] : nullptr;
    if (request.count > 0) execute_one(batch, request, i == 0, key);
    Reply& reply = loop_.reply();
    if (reply.overflowed() || reply.bytes().size() > kSendBytes || reply.pinned_bytes() > kSendPinnedBytes) {
      send_reply();
      ticks_ = 0;  // sending is no part of the next command
    }
    if (state_ == State::open && holds_too_many_values()) state_ = State::paused;
    if (state_ == State::suspended || state_ == State::paused) reader_.rewind(request);
  }
}

void Connection::execute_one(const RequestBatch& batch, const RequestBatch::Request& request, bool first, const Key* key) {
  Reply& reply = loop_.reply();
  reply.set_version(client_->resp3() ? protocol::Version::resp3 : protocol::Version::resp2);
  const Reply::Mark mark = reply.mark();
  Outcome outcome = Outcome::done;
  if (first && reader_.refused()) {
    reply.error(protocol::errors::kOutOfMemory);
    loop_.statistics().count_error("OOM");
    last_command_ = loop_.server().commands.find(batch.args_of(request)[0]);
  } else {
    Context context = this->context(mark);
    context.args = batch.args_of(request);
    // It may have been too long to be hashed ahead, or refer to a block whose place has changed.
    if (key != nullptr && context.args.size() > 1 && key->bytes.data() == context.args[1].data()) context.key_ahead = key;
    if (first) context.blocks = reader_.blocks();
    if (batch.may_hold_large || !context.blocks.empty()) [[unlikely]]
      reply.remark();
    context.ticks = ticks_;
    outcome = execute(context);
    ticks_ = context.ticks;
    last_command_ = context.command;
  }
  if (client_->replies != Client::Replies::all) [[unlikely]]
    keep_reply(mark, outcome);
  if (first) reader_.release_blocks();
  if (outcome == Outcome::suspended) {
    state_ = State::suspended;
    note_answer(mark);
  } else if (client_->close_after_reply) {
    state_ = State::closing;
  }
}

// Of a command that goes on later: what it has answered since `mark`, or in a slice before, is the begin of its reply.
void Connection::note_answer(const Reply::Mark& mark) noexcept { is_answering_ = is_answering_ || loop_.reply().mark() != mark; }

void Connection::resume_after(std::chrono::milliseconds delay, Continuation rest) {
  rest_ = std::move(rest);
  timer_ = loop_.run_after(delay, [self = shared_from_this()] { self->go_on(); });
}

void Connection::resume_soon(Continuation rest) {
  rest_ = std::move(rest);
  loop_.run_soon([self = shared_from_this()] { self->go_on(); });
}

void Connection::block(std::optional<std::chrono::milliseconds> delay, Continuation rest) {
  client_->set_wait(Client::Wait::waits);
  loop_.server().clients.count_waiting(1);
  if (delay) return resume_after(*delay, std::move(rest));
  rest_ = std::move(rest);
}

void Connection::hold(std::unique_ptr<HeldRequest> request, std::chrono::milliseconds delay) {
  held_ = std::move(request);
  loop_.server().pause.count_held(1);
  timer_ = loop_.run_after(delay, [self = shared_from_this()] { self->go_on(); });
}

// Whatever it was.
void Connection::stop_waiting() noexcept {
  timer_.reset();
  if (client_->wait() != Client::Wait::none) loop_.server().clients.count_waiting(-1);
  client_->set_wait(Client::Wait::none);
  if (held_ == nullptr) return;
  loop_.server().pause.count_held(-1);
  held_.reset();
}

void Connection::keep_reply(const Reply::Mark& mark, Outcome outcome) {
  using Replies = Client::Replies;
  if (client_->replies == Replies::skip_next) {
    if (outcome == Outcome::done) client_->replies = Replies::skip_this;
    return;
  }
  loop_.reply().cut(mark);
  if (client_->replies == Replies::skip_this && outcome == Outcome::done) client_->replies = Replies::all;
}

Outcome Connection::carry_out_held(const Reply::Mark& reply_begin) {
  const std::unique_ptr<HeldRequest> request = std::move(held_);
  loop_.server().pause.count_held(-1);
  Context context = this->context(reply_begin);
  context.args = request->words();
  context.blocks = request->blocks();
  loop_.reply().remark();  // it may be large
  return execute(context);
}

Outcome Connection::carry_on(const Reply::Mark& reply_begin) {
  timer_.reset();
  if (held_ != nullptr) return carry_out_held(reply_begin);
  Context context = this->context(reply_begin);
  const Continuation rest = std::exchange(rest_, nullptr);
  context.wait = client_->wait();
  stop_waiting();
  return resume(context, rest);
}

void Connection::resumed_turn() {
  loop_.reply().set_version(client_->resp3() ? protocol::Version::resp3 : protocol::Version::resp2);
  const Reply::Mark mark = loop_.reply().mark();
  const Outcome outcome = carry_on(mark);
  if (client_->replies != Client::Replies::all) [[unlikely]]
    keep_reply(mark, outcome);
  if (outcome == Outcome::suspended) {
    note_answer(mark);
  } else {
    is_answering_ = false;
    state_ = client_->close_after_reply ? State::closing : State::open;
    if (state_ == State::open) {
      reader_.take_up();
      process();
    }
    take_lines();  // that had to wait
  }
  finish_turn();
}

void Connection::finish_turn() {
  if (state_ == State::closed) return;
  reader_.end_turn(loop_.server().cache, loop_.session());
  report_command();
  send_reply();
  if (state_ == State::closed) return;
  if (reader_.kept_bytes() > loop_.server().limits.query_buffer_bytes.load(std::memory_order_relaxed)) {
    return drop("its request is larger than limits.query_buffer");
  }
  report_buffers();
  charge();
  if (state_ == State::closing) return end_if_sent();
  if (state_ == State::open || state_ == State::suspended) wait_readable();
}

// Large values wait by reference, so a client that does not take them costs little until they are overwritten: it is not
// dropped, but gets no further ones until it has taken some.
bool Connection::holds_too_many_values() const noexcept {
  return output_.pinned_bytes() > loop_.server().limits.output_buffer_bytes.load(std::memory_order_relaxed);
}

// While a command is suspended readiness is waited for as well, only to learn that the client is gone.
void Connection::wait_readable() {
  if (waiting_readable_) return;
  waiting_readable_ = true;
  transport_->wait_readable();
}

void Connection::send_reply() {
  Reply& reply = loop_.reply();
  if (reply.empty()) return;
  const bool overflowed = reply.overflowed();
  const std::size_t before = output_.sent_bytes();
  const IoStatus status = overflowed ? IoStatus::would_block : output_.send(*transport_, reply);
  loop_.statistics().traffic.network_output_bytes.add(output_.sent_bytes() - before);
  reply.clear(kSendBytes * 2);
  const std::size_t limit = loop_.server().limits.output_buffer_bytes.load(std::memory_order_relaxed);
  if (overflowed || output_.buffered_bytes() > limit) {
    loop_.statistics().traffic.dropped_slow.add();
    return drop("it holds more unread replies than limits.output_buffer allows");
  }
  after_send(status);
}

void Connection::after_send(IoStatus status) {
  if (status == IoStatus::closed) return close();
  if (status == IoStatus::would_block && !waiting_writable_) {
    waiting_writable_ = true;
    transport_->wait_writable();
  }
}

void Connection::write_turn() {
  const std::size_t before = output_.sent_bytes();
  const IoStatus status = output_.flush(*transport_);
  loop_.statistics().traffic.network_output_bytes.add(output_.sent_bytes() - before);
  after_send(status);
  if (state_ == State::paused && !holds_too_many_values()) {
    state_ = State::open;
    reader_.take_up();
    process();
  }
  take_lines();
  finish_turn();
}

void Connection::drop(std::string_view why) {
  spdlog::warn("dropped client {} ({}): {}", client_->identity().id, client_->identity().peer_address, why);
  close();
}

void Connection::disconnect(Client::Reason reason) {
  if (state_ == State::closed) return;
  if (reason == Client::Reason::killed) return drop("killed by CLIENT KILL");
  if (reason == Client::Reason::user_gone) return drop("its user is no more");
  loop_.statistics().traffic.dropped_largest.add();
  drop("all clients hold more than limits.all_clients allows, and it holds most");
}

// Before the reply is sent: whoever has seen the reply finds the command in CLIENT LIST.
void Connection::report_command() {
  client_->activity.last_active_ms.store(loop_.session().now_ms(), std::memory_order_release);
  client_->activity.last_command.store(last_command_, std::memory_order_release);
}

void Connection::report_buffers() {
  const auto set = [](auto& field, auto value) { field.store(value, std::memory_order_relaxed); };
  Client::Activity& activity = client_->activity;
  set(activity.query_buffer_bytes, std::uint64_t{reader_.memory_bytes()});
  set(activity.query_buffer_used_bytes, std::uint64_t{reader_.kept_bytes()});
  set(activity.output_bytes, std::uint64_t{output_.buffered_bytes() + output_.pinned_bytes() + transport_->held_bytes()});
  set(activity.received_bytes, std::uint64_t{reader_.received_bytes()});
  set(activity.output_segments, std::uint64_t{output_.segments()});
}

void Connection::charge() {
  const auto held = static_cast<std::int64_t>(reader_.memory_bytes() + output_.buffered_bytes() + transport_->held_bytes());
  if (held == charged_bytes_) return;
  const bool grew = held > charged_bytes_;
  // Who grows pays for it at once, as a write does: many could grow before upkeep comes by. Where nothing may be evicted it grows up to its own limits.
  if (grew) (void)loop_.server().cache.make_room(loop_.session(), static_cast<std::size_t>(held - charged_bytes_));
  loop_.server().cache.budget().charge(Purpose::client_buffers, held - charged_bytes_);
  charged_bytes_ = held;
  if (grew) loop_.limit_clients();
}

}  // namespace strata::server
