#include <prometheus/text_serializer.h>

#include <array>
#include <sstream>

#include "server/admin/database_sizes.h"
#include "server/admin/metrics/metric_row.h"
#include "server/admin/metrics/open_files.h"
#include "server/admin/router.h"

namespace strata::server::admin {

namespace {

// Counts what takes long to count, looks at everything else once, then writes a few metrics in each slice.
class ScrapeJob final : public Job {
 public:
  explicit ScrapeJob(AdminState& state) : state_(state), sizes_(state.server.cache) {}

  std::optional<Response> slice() override {
    if (!scrape_) {
      count();
      return std::nullopt;
    }
    constexpr std::uint64_t kSliceNanoseconds = 300'000;
    const std::uint64_t end_ns = monotonic_ns() + kSliceNanoseconds;
    while (next_ < all_metrics().size()) {
      serializer_.Serialize(text_, {collect(all_metrics()[next_++], *scrape_)});
      if (monotonic_ns() >= end_ns && next_ < all_metrics().size()) return std::nullopt;
    }
    Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = std::move(text_).str();
    return response;
  }

 private:
  void count() {
    if (!(sizes_counted_ = sizes_counted_ || sizes_.slice())) return;
    if (files_.slice()) scrape_.emplace(take_scrape(state_, sizes_.all(), files_.count()));
  }

  AdminState& state_;
  DatabaseSizes sizes_;
  bool sizes_counted_ = false;
  OpenFiles files_;
  std::optional<Scrape> scrape_;
  prometheus::TextSerializer serializer_;
  std::ostringstream text_;
  std::size_t next_ = 0;  // in all_metrics()
};

Answer get_metrics(AdminState& state, Request&) { return std::make_unique<ScrapeJob>(state); }

constexpr std::array kReplies = {
    RouteReply{.description = "The metrics.", .content_type = "text/plain", .schema = R"({"type": "string"})"}};

constexpr std::array kRoutes = {
    Route{"GET", "/metrics", Access::token, Body::none, "Metrics in the text format of Prometheus.", get_metrics, {}, kReplies},
};

}  // namespace

std::span<const Route> metrics_routes() { return kRoutes; }

}  // namespace strata::server::admin
