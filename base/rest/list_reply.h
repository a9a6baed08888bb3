// Replies to GET of a list, as their ListQuery asks: filtered, cut down, in pages of at most
// request.page_size items that are linked by RFC 8288 (NFV-SOL 013 §5.4).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/http/message.h"
#include "base/rest/list_query.h"

namespace sluice::rest {

// Makes one page from items that are offered one by one, for lists too long to be turned into JSON
// as a whole:
//
//   auto page = ListPage::begin(request, options);
//   if (!page) return to_response(page.error());
//   for (auto it = map.upper_bound(page->after()); it != map.end(); ++it)
//     if (!page->add(it->id, to_json(*it))) break;
//   return page->reply();
class ListPage {
 public:
  // What one request may cost, whatever it asks for. A page that ends here is shorter than others,
  // maybe empty, and its Link leads on. At least one item is looked at.
  static constexpr size_t kMaxExamined = 8 << 20;  // octets of texts that a filter goes through
  static constexpr size_t kMaxOctets = 4 << 20;    // of the texts on the page, before the last one

  // kInvalidArgument names the parameter. `request` has to outlive the page.
  static Result<ListPage> begin(const http::Request& request, const ListOptions& options);

  // Items with ids up to and including this one were on earlier pages.
  const std::string& after() const { return query_.after; }
  const std::optional<AttributeFilter>& filter() const { return query_.filter; }

  // Offers the item with the next id, ascending byte by byte; one that was on an earlier page or
  // that the filter does not admit is passed over. False: the page is full, offer no more.
  bool add(std::string_view id, nlohmann::json item);
  // The same with an item that is JSON text, as nlohmann writes it without blanks. Offer either
  // texts or values to one page.
  bool add_text(std::string_view id, std::string_view item);

  // 200 with the array, and with a Link header where there is a next page. Once. `member`: of an
  // object, which has the array then; empty: the array itself.
  http::Response reply(std::string_view member = {});

 private:
  ListPage(const http::Request& request, ListQuery query)
      : request_(&request), query_(std::move(query)) {}

  std::string next_link() const;

  const http::Request* request_;
  ListQuery query_;
  std::vector<nlohmann::json> items_;  // values, and texts of which not all is told
  std::string texts_;                  // the others, with commas between
  size_t count_ = 0;
  size_t octets_ = 0;    // of texts on the page
  size_t examined_ = 0;  // of texts that the filter saw
  std::string last_id_;  // of the last item on this page or passed over
  bool more_ = false;
};

// The same for items that are all there, in any order; 400 for wrong parameters. Each has to have
// options.id_member, a string.
http::Response list_reply(const http::Request& request, std::vector<nlohmann::json> items,
                          const ListOptions& options);

}  // namespace sluice::rest
