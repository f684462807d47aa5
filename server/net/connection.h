#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "server/commands/context.h"
#include "server/net/output_queue.h"
#include "server/net/request_reader.h"
#include "server/net/transport.h"

namespace strata::server {

class EventLoop;

// One client's connection: reads requests, has them executed in order, sends the replies, within the limits of a client.
// Lifetime: shared by its loop, its transport until it is closed, and by the waits under way. Thread safety: none; only its loop's thread touches it.
class Connection final : public TransportListener, public Suspension, public std::enable_shared_from_this<Connection> {
 public:
  Connection(EventLoop& loop, std::unique_ptr<Transport> transport, std::shared_ptr<Client> client);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void start();
  // Ends at once; what is not sent is lost.
  void close() noexcept;
  // Ends as soon as the command under way is answered and all replies are sent.
  void close_gracefully();
  // Ends at once, and tells the log why.
  void disconnect(Client::Reason reason);

  [[nodiscard]] bool idle_longer_than(std::chrono::milliseconds limit, std::int64_t now_ms) const noexcept;
  [[nodiscard]] Client& client() const noexcept { return *client_; }

  void on_readable() override;
  void on_writable() override;

  void resume_after(std::chrono::milliseconds delay, Continuation rest) override;
  void resume_soon(Continuation rest) override;
  void block(std::optional<std::chrono::milliseconds> delay, Continuation rest) override;
  void hold(std::unique_ptr<HeldRequest> request, std::chrono::milliseconds delay) override;
  // What its command waits for may have come, or lines for who watches the others.
  void on_wake();

 private:
  enum class State : std::uint8_t {
    open,
    suspended,  // a command is waiting; no further request is executed
    paused,     // the client does not take its large values; no further request is executed until it does
    closing,    // nothing is read any more; ends when the replies are sent
    closed,
  };

  [[nodiscard]] Context context(const Reply::Mark& reply_begin);
  // Runs one turn; a client whose buffers do not fit into memory is dropped, the others stay. REQUIRES: the caller holds this connection, as `close`
  // lets go of the loop's reference.
  template <typename Turn>
  void guarded(Turn&& turn);
  void read_turn();
  void write_turn();
  void resumed_turn();
  void process();
  void hash_next_keys(RequestBatch& batch);
  void look_ahead(RequestBatch& batch, std::size_t at);
  void execute_batch(RequestBatch& batch);
  // `key`: what was looked for ahead, a null pointer: nothing.
  void execute_one(const RequestBatch& batch, const RequestBatch::Request& request, bool first, const Key* key);
  void go_on();
  void end_if_sent();
  void take_lines();
  // Whether the client gets the reply of the command that has been carried out; what was answered behind `mark` otherwise goes.
  void keep_reply(const Reply::Mark& mark, Outcome outcome);
  [[nodiscard]] Outcome carry_on(const Reply::Mark& reply_begin);
  [[nodiscard]] Outcome carry_out_held(const Reply::Mark& reply_begin);
  void stop_waiting() noexcept;
  void note_answer(const Reply::Mark& mark) noexcept;
  void finish_turn();
  void send_reply();
  [[nodiscard]] bool holds_too_many_values() const noexcept;
  void wait_readable();
  void after_send(IoStatus status);
  void drop(std::string_view why);
  void report_command();
  void report_buffers();
  void charge();

  EventLoop& loop_;
  std::unique_ptr<Transport> transport_;
  std::shared_ptr<Client> client_;
  RequestReader reader_;
  OutputQueue output_;
  Continuation rest_;                  // of the suspended command, or
  std::unique_ptr<HeldRequest> held_;  // all of it, as it waits for the end of a pause
  std::shared_ptr<void> timer_;  // it waits for, if it does; letting go cancels
  const Command* last_command_ = nullptr;
  std::uint64_t ticks_ = 0;  // when the last command of the batch ended
  State state_ = State::open;
  bool is_answering_ = false;  // the reply of the suspended command has begun: nothing else may come between
  bool waiting_writable_ = false;
  bool waiting_readable_ = false;
  std::int64_t charged_bytes_ = 0;
};

}  // namespace strata::server
