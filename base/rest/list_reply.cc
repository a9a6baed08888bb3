#include "base/rest/list_reply.h"

#include <algorithm>

#include "base/http/percent.h"
#include "base/http/problem.h"

namespace sluice::rest {

using nlohmann::json;

Result<ListPage> ListPage::begin(const http::Request& request, const ListOptions& options) {
  auto query = ListQuery::parse(request.query, options);
  if (!query) return std::unexpected(query.error());
  return ListPage(request, std::move(*query));
}

bool ListPage::add(std::string_view id, json item) {
  if (!query_.after.empty() && id <= query_.after) return true;
  if (query_.filter && !query_.filter->matches(item)) return true;
  more_ = count_ >= std::max<size_t>(request_->page_size, 1);
  if (more_) return false;
  items_.push_back(std::move(item));
  ++count_;
  last_id_ = id;
  return true;
}

bool ListPage::add_text(std::string_view id, std::string_view item) {
  if (!query_.after.empty() && id <= query_.after) return true;
  more_ = octets_ >= kMaxOctets || examined_ >= kMaxExamined;
  if (more_) return false;
  if (query_.filter) {
    examined_ += item.size() * query_.filter->passes();
    if (!query_.filter->matches_text(item)) {
      last_id_ = id;
      return true;
    }
  }
  more_ = count_ >= std::max<size_t>(request_->page_size, 1);
  if (more_) return false;
  last_id_ = id;
  ++count_;
  octets_ += item.size();
  if (query_.selector.keeps_everything()) {
    if (!texts_.empty()) texts_.push_back(',');
    texts_.append(item);
  } else {
    items_.push_back(json::parse(item));
  }
  return true;
}

// The same request again with another marker. A path and not a whole URI: what name the client
// knows this platform by is its own and its proxies' business.
std::string ListPage::next_link() const {
  const std::string_view target = request_->target;
  std::string out = "<";
  out.append(target.substr(0, target.find_first_of("?#"))).append("?");
  for (const auto& [name, value] : request_->query) {
    if (name == "nextpage_opaque_marker") continue;
    out.append(http::percent_encode(name)).append("=");
    out.append(http::percent_encode(value)).append("&");
  }
  return out.append("nextpage_opaque_marker=")
      .append(page_marker(last_id_))
      .append(R"(>; rel="next")");
}

http::Response ListPage::reply(std::string_view member) {
  query_.selector.apply(items_);
  std::string body = "[" + texts_;
  for (const auto& item : items_) {
    if (body.size() > 1) body.push_back(',');
    body += item.dump();
  }
  body.push_back(']');
  if (!member.empty()) body = "{" + json(member).dump() + ":" + body + "}";
  http::Response response{200, {}, std::move(body)};
  response.headers.set("Content-Type", "application/json");
  if (more_) response.headers.set("Link", next_link());
  return response;
}

http::Response list_reply(const http::Request& request, std::vector<json> items,
                          const ListOptions& options) {
  const auto id_of = [member = options.id_member](const json& item) -> const std::string& {
    return item.at(member).get_ref<const std::string&>();
  };
  auto page = ListPage::begin(request, options);
  if (!page) return http::to_response(page.error());
  std::ranges::sort(items, {}, id_of);
  for (auto& item : items) {
    const auto id = id_of(item);
    if (!page->add(id, std::move(item))) break;
  }
  return page->reply();
}

}  // namespace sluice::rest
