#include "server/admin/openapi.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>
#include <set>

#include "server/admin/percent_coding.h"
#include "server/admin/router.h"
#include "server/commands/words.h"
#include "tests/server/admin/admin_fixture.h"
#include "tests/server/admin/json_schema.h"

namespace strata::server::admin {
namespace {

namespace json = boost::json;

class OpenApi : public AdminFixture {
 protected:
  OpenApi() : document_(call_json(200, "GET", "/v1/openapi.json").as_object()) {}

  [[nodiscard]] const json::object& operation(const Route& route) const {
    return document_.at("paths").at(route.path).at(lower_case(route.method)).as_object();
  }
  // The path with the examples of its parameters.
  static std::string example_path(const Route& route) {
    std::string path(route.path);
    for (const Parameter& parameter : route.parameters) {
      if (parameter.in != Parameter::In::path) continue;
      const std::string place = "{" + std::string(parameter.name) + "}";
      path.replace(path.find(place), place.size(), parameter.example);
    }
    return path;
  }

  json::object document_;
};

TEST_F(OpenApi, HasWhatTheStandardAsksFor) {
  EXPECT_EQ(document_.at("openapi"), "3.1.0");
  EXPECT_FALSE(document_.at("info").at("title").as_string().empty());
  EXPECT_FALSE(document_.at("info").at("version").as_string().empty());
  std::set<std::string> ids;
  for (const Route& route : all_routes()) {
    const json::object& row = operation(route);
    EXPECT_TRUE(ids.insert(std::string(row.at("operationId").as_string())).second) << route.path;
    EXPECT_GE(row.at("responses").as_object().size(), 2U) << route.path << ": what it answers, beside problems";
    EXPECT_EQ(row.at("security").as_array().empty(), route.access == Access::open) << route.path;
    EXPECT_EQ(row.contains("requestBody"), route.body != Body::none) << route.path;
  }
}

TEST_F(OpenApi, HoldsEveryRouteAndNothingElse) {
  std::size_t operations = 0;
  for (const auto& [path, methods] : document_.at("paths").as_object()) operations += methods.as_object().size();
  EXPECT_EQ(operations, all_routes().size());
  for (const Route& route : all_routes()) EXPECT_FALSE(operation(route).empty());
  // The other way: what the document names is answered.
  for (const auto& [path, methods] : document_.at("paths").as_object()) {
    for (const auto& [method, row] : methods.as_object()) {
      std::string target(path);
      for (const json::value& parameter :
           row.as_object().contains("parameters") ? row.at("parameters").as_array() : json::array()) {
        const std::string place = "{" + std::string(parameter.at("name").as_string()) + "}";
        if (parameter.at("in") != "path") continue;
        const json::value& example = parameter.at("example");
        target.replace(target.find(place), place.size(),
                       example.is_string() ? std::string(example.as_string()) : json::serialize(example));
      }
      std::string name(method);
      for (char& c : name) c = static_cast<char>(c - 'a' + 'A');
      const std::string authorization = "Bearer " + std::string(kToken);
      const Admission admission =
          admit({.method = name, .target = target, .authorization = authorization}, store_.current()->admin);
      EXPECT_FALSE(admission.refusal) << name << " " << target << ": " << (admission.refusal ? admission.refusal->body : "");
    }
  }
}

TEST_F(OpenApi, DescribesEveryParameterOfAPath) {
  for (const Route& route : all_routes()) {
    std::size_t in_path = 0;
    for (const Parameter& parameter : route.parameters) {
      EXPECT_TRUE(parameter.description.ends_with('.')) << route.path << " " << parameter.name;
      EXPECT_FALSE(parameter.example.empty()) << route.path << " " << parameter.name;
      if (parameter.in != Parameter::In::path) continue;
      ++in_path;
      EXPECT_NE(route.path.find("{" + std::string(parameter.name) + "}"), std::string_view::npos) << route.path;
    }
    EXPECT_EQ(in_path, static_cast<std::size_t>(std::count(route.path.begin(), route.path.end(), '{'))) << route.path;
    EXPECT_LE(in_path, PathValues::kMost);
  }
}

TEST_F(OpenApi, TakesTheExamplesOfParameters) {
  for (const Route& route : all_routes()) {
    std::string query;
    RequestHead head{.method = route.method};
    for (const Parameter& parameter : route.parameters) {
      if (parameter.in == Parameter::In::query && parameter.name != "keep_ttl")
        query.append(query.empty() ? "?" : "&").append(parameter.name).append("=").append(percent_encode(parameter.example));
      if (parameter.name == "If-Match") head.if_match = parameter.example;
      if (parameter.name == "Accept") head.accept = parameter.example;
    }
    const std::string target = example_path(route) + query;
    head.target = target;
    const Admission admission = admit(head, config::Admin());
    EXPECT_FALSE(admission.refusal) << target << (admission.refusal ? admission.refusal->body : "");
  }
}

TEST_F(OpenApi, HasExamplesThatFitTheirSchemas) {
  for (const Route& route : all_routes()) {
    for (const RouteReply& reply : route.replies) {
      if (reply.example.empty()) continue;
      const std::string wrong = not_as_schema(json::parse(reply.example), json::parse(reply.schema).as_object(), document_);
      EXPECT_EQ(wrong, "") << route.method << " " << route.path;
    }
    if (route.body != Body::json) continue;
    const json::object schema = json::parse(route.content.schema).as_object();
    EXPECT_EQ(not_as_schema(json::parse(route.content.example), schema, document_), "") << route.path;
  }
}

TEST_F(OpenApi, DescribesWhatIsAnswered) {
  set("user:17", "12345", 0, wall_clock_ms() + 1'000'000);
  set("\xff", "v");
  clients_.add(std::make_shared<Client>(
      Client::Identity{.id = 17, .fd = 3, .peer_address = "127.0.0.1:5", .local_address = "x", .connected_at_ms = 1}));
  cache_.events().add({.at_ms = 1, .kind = cache::EventKind::memory_pressure, .measured = 0.75, .threshold = 0.5, .items = 7});
  (void)call("PUT", "/v1/log-level", R"({"level": "debug"})");
  for (const Route& route : all_routes()) {
    // What takes a value, and what would end what others look at, comes last and by itself.
    if (route.body == Body::bytes || route.method == "DELETE") continue;
    const Response response = call(route.method, example_path(route), std::string(route.content.example));
    const bool is_ready_route = route.path == "/readyz";
    ASSERT_TRUE(response.status < 300 || is_ready_route) << route.path << response.body;
    const auto reply = std::find_if(route.replies.begin(), route.replies.end(),
                                    [&](const RouteReply& row) { return row.status == response.status; });
    ASSERT_NE(reply, route.replies.end()) << route.path << " answers " << response.status;
    EXPECT_EQ(response.content_type.substr(0, response.content_type.find(';')), reply->content_type) << route.path;
    if (reply->content_type != "application/json") continue;
    EXPECT_EQ(not_as_schema(json::parse(response.body), json::parse(reply->schema).as_object(), document_), "") << route.path;
  }
  const Response problem = call("GET", "/v1/nothing");
  EXPECT_EQ(not_as_schema(json::parse(problem.body), json::object{{"$ref", "#/components/schemas/Problem"}}, document_), "");
  clients_.remove(17);
}

TEST(AdminApiReference, IsInTheDocumentation) {
  std::ifstream file(STRATA_ADMIN_API_MD, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::size_t mark = text.find(kAdminApiMark);
  ASSERT_NE(mark, std::string::npos);
  EXPECT_EQ(text.substr(mark + kAdminApiMark.size()), "\n" + admin_api_reference())
      << "write it anew: strata_admin_tests --write-admin-api docs/admin-api.md";
}

}  // namespace
}  // namespace strata::server::admin
