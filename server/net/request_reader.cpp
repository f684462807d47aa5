#include "server/net/request_reader.h"

#include <algorithm>
#include <cstring>

namespace strata::server {

namespace {

constexpr std::size_t kReadBytes = 16ULL << 10;  // room for one read behind an incomplete request
constexpr std::size_t kKeptArguments = 4096;     // of the batch, so that one huge request does not leave its size behind

}  // namespace

void RequestBatch::clear() {
  requests.clear();
  keys.clear();
  args.clear();
  if (args.capacity() > kKeptArguments) args.shrink_to_fit();
}

std::span<const iovec> RequestReader::prepare() {
  const iovec shared{shared_.data(), shared_.size()};
  if (diverted()) {
    if (refused_) {
      targets_[0] = {shared_.data(), std::min(shared_.size(), payload_left_)};  // read to be thrown away
      return {targets_.data(), 1};
    }
    ValueRef& block = blocks_.back();
    targets_[0] = {block.data() + (block.size() - payload_left_), payload_left_};
    targets_[1] = shared;
    return targets_;
  }
  if (carry_.empty()) {
    targets_[0] = shared;
  } else {
    char* const room = carry_.make_room(kReadBytes);
    targets_[0] = {room, carry_.room()};
  }
  return {targets_.data(), 1};
}

void RequestReader::received(std::size_t bytes) {
  offset_ = 0;
  if (diverted()) {
    const std::size_t payload = std::min(bytes, payload_left_);
    payload_left_ -= payload;
    carry_.append({shared_.data(), bytes - payload});  // nothing while payload is missing
    window_ = diverted() ? std::string_view{} : carry_.view();
  } else if (carry_.empty()) {
    window_ = {shared_.data(), bytes};
  } else {
    carry_.commit(bytes);
    window_ = carry_.view();
  }
}

protocol::ParseStatus RequestReader::parse(RequestBatch& batch, std::size_t most) {
  status_ = protocol::ParseStatus::need_more;
  if (diverted()) return status_;
  while (batch.requests.size() < most) {
    const std::size_t first = batch.args.size();
    const protocol::ParseStep step = parser_.parse(window_.substr(offset_), batch.args);
    status_ = step.status;
    if (status_ != protocol::ParseStatus::request) break;
    offset_ += step.consumed;
    batch.requests.push_back({first, batch.args.size() - first, offset_});
  }
  return status_;
}

void RequestReader::rewind(const RequestBatch::Request& request) {
  offset_ = request.end;
  status_ = protocol::ParseStatus::need_more;
  parser_ = protocol::RequestParser(parser_.limits());
}

void RequestReader::end_turn(Cache& cache, Session& session) {
  if (diverted()) return;
  if (window_.data() == carry_.data() && !carry_.empty()) {
    carry_.consume(offset_);
  } else {
    carry_.append(window_.substr(offset_));
  }
  window_ = {};
  offset_ = 0;
  if (status_ == protocol::ParseStatus::bulk_begins) {
    const protocol::PendingBulk pending = parser_.pending_bulk();
    ValueRef block = refused_ ? ValueRef{} : cache.allocate_value(session, pending.length);
    const char* const destination = block ? block.data() : nullptr;
    if (block) {
      std::memcpy(block.data(), carry_.data() + carry_.size() - pending.received, pending.received);
      blocks_.push_back(std::move(block));
    } else {
      refused_ = true;
    }
    carry_.drop_back(pending.received);
    payload_left_ = pending.length - pending.received;
    parser_.divert_bulk(destination);
  }
  if (carry_.empty()) carry_.release();
}

std::size_t RequestReader::received_bytes() const noexcept {
  std::size_t bytes = 0;
  for (const ValueRef& block : blocks_) bytes += block ? block.block().capacity() : 0;
  return bytes;
}

void RequestReader::release_blocks() noexcept {
  blocks_.clear();
  refused_ = false;
}

}  // namespace strata::server
