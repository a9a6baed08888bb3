#include "app-package/appd_shape.h"

namespace sluice::app_package {
namespace {

constexpr auto kYes = true;
constexpr double kPorts = 65'535;
constexpr double kDay = 86'400;

Member text(const char* name, bool required = false) {
  return {.name = name, .required = required};
}
Member texts(const char* name, size_t least = 0, bool required = false) {
  return {.name = name, .required = required, .number = Number::kOneOrMany, .least = least};
}
Member flag(const char* name, bool required = false) {
  return {.name = name, .type = Type::kFlag, .required = required};
}
Member integer(const char* name, double low, double high, bool required = false) {
  return {.name = name, .type = Type::kInteger, .required = required, .low = low, .high = high};
}
Member number(const char* name, double low, double high, bool required = false) {
  return {.name = name, .type = Type::kNumber, .required = required, .low = low, .high = high};
}
Member word(const char* name, std::vector<std::string_view> words, bool required = false) {
  return {.name = name, .type = Type::kWord, .required = required, .words = std::move(words)};
}
Member any(const char* name) { return {.name = name, .type = Type::kAny}; }
Member one(const char* name, const Shape& shape, bool required = false) {
  return {.name = name, .type = Type::kObject, .required = required, .shape = &shape};
}
Member many(const char* name, const Shape& shape, size_t least = 0, bool required = false) {
  return {.name = name,
          .type = Type::kObject,
          .required = required,
          .number = Number::kMany,
          .shape = &shape,
          .least = least};
}
Member one_or_many(const char* name, const Shape& shape, size_t least = 0, bool required = false) {
  auto out = many(name, shape, least, required);
  out.number = Number::kOneOrMany;
  return out;
}

const Shape kChecksum = {{text("algorithm", kYes), text("hash", kYes)}};

const Shape kSwImage = {{
    text("id", kYes),
    text("name", kYes),
    text("version", kYes),
    one("checksum", kChecksum),
    word("containerFormat", {"OCI", "DOCKER", "oci", "docker"}, kYes),
    text("swImage", kYes),
    text("diskFormat"),
    number("minDisk", 0, 1e9),
    number("minRam", 0, 1e9),
    integer("size", 0, 9e15),
    text("operatingSystem"),
    texts("supportedVirtualisationEnvironment"),
}};

const Shape kMemory = {{
    number("virtualMemSize", 1, 1e9, kYes),
    text("virtualMemOversubscriptionPolicy"),
    flag("numaEnabled"),
    text("hugePagesRequirements"),
    any("vduMemRequirements"),
}};
const Shape kPinning = {{
    word("virtualCpuPinningPolicy", {"STATIC", "DYNAMIC"}),
    texts("virtualCpuPinningRule"),
}};
const Shape kCpu = {{
    text("cpuArchitecture"),
    integer("numVirtualCpu", 1, 4096, kYes),
    number("virtualCpuClock", 1, 1e6),
    text("virtualCpuOversubscriptionPolicy"),
    any("vduCpuRequirements"),
    one("virtualCpuPinning", kPinning),
}};
const Shape kBlockStorage = {{
    number("sizeOfStorage", 0, 1e9, kYes),
    any("vduStorageRequirements"),
    flag("rdmaEnabled"),
}};
const Shape kNode = {{text("id", kYes), any("logicalNodeRequirementDetail")}};
const Shape kCapability = {{
    text("requestedAdditionalCapabilityName", kYes),
    flag("supportMandatory", kYes),
    text("minRequestedAdditionalCapabilityVersion"),
    text("preferredRequestedAdditionalCapabilityVersion"),
    any("targetPerformanceParameters"),
}};
const Shape kCompute = {{
    text("virtualComputeDescId", kYes),
    one("virtualMemory", kMemory, kYes),
    one("virtualCpu", kCpu, kYes),
    many("virtualDisk", kBlockStorage),
    many("logicalNode", kNode),
    many("requestAdditionalCapabilities", kCapability),
    texts("computeRequirements"),
}};
const Shape kContainer = {{
    text("osContainerDescId", kYes),
    text("name", kYes),
    text("description", kYes),
    text("swImageDesc", kYes),
    integer("requestedCpuResources", 1, 4'096'000),
    number("requestedMemoryResources", 1, 1e9),
    number("requestedEphemeralStorageResources", 0, 1e9),
    integer("cpuResourceLimit", 1, 4'096'000),
    number("memoryResourceLimit", 1, 1e9),
    number("ephemeralStorageResourceLimit", 0, 1e9),
    any("extendedResourceRequests"),
    any("hugePageResources"),
    one("cpuPinningRequirements", kPinning),
    text("bootData"),
}};

const Shape kObjectStorage = {{number("maxSizeOfStorage", 0, 1e9)}};
const Shape kFileStorage = {{number("sizeOfStorage", 0, 1e9), text("fileSystemProtocol")}};
const Shape kStorage = {{
    text("id", kYes),
    word("typeOfStorage", {"BLOCK", "OBJECT", "FILE"}, kYes),
    one("blockStorageData", kBlockStorage),
    one("objectStorageData", kObjectStorage),
    one("fileStorageData", kFileStorage),
    flag("perVnfcInstance"),
}};

const Shape kServicePort = {{
    text("name", kYes),
    word("protocol", {"TCP", "UDP", "SCTP"}, kYes),
    integer("port", 1, kPorts, kYes),
    flag("portConfigurable", kYes),
}};
const Shape kServiceData = {{many("portData", kServicePort, 1, kYes), text("serviceData")}};
const Shape kNicRequirement = {{
    text("name"),
    text("description"),
    any("standardizedNetworkInterfaceRequirements"),
    any("networkInterfaceRequirements"),
    any("nicIoRequirements"),
}};
const Shape kConnectionPoint = {{
    any("inherited_attributes"),
    many("virtualNetworkInterfaceRequirements", kNicRequirement),
    many("additionalServiceData", kServiceData),
}};

const Shape kCategory = {
    {text("href", kYes), text("id", kYes), text("name", kYes), text("version", kYes)}};
const Shape kOAuth = {{texts("grantTypes", 1, kYes), text("tokenEndpoint")}};
const Shape kSecurity = {{one("oAuth2Info", kOAuth)}};
const Shape kTransport = {{
    text("name"),
    text("description"),
    word("type",
         {"REST_HTTP", "MB_TOPIC_BASED", "MB_ROUTING", "MB_PUBSUB", "RPC", "RPC_STREAMING",
          "WEBSOCKET"},
         kYes),
    text("protocol", kYes),
    text("version", kYes),
    one("security", kSecurity),
    any("implSpecificInfo"),
}};
const Shape kTransportDependency = {
    {one("transport", kTransport, kYes), texts("serializers", 1, kYes), texts("labels", 1, kYes)}};
const Shape kTransportSupported = {
    {one("transport", kTransport, kYes), texts("serializers", 1, kYes)}};
const Shape kServiceNeeded = {{
    text("serName", kYes),
    one("serCategory", kCategory),
    text("version", kYes),
    many("serTransportDependencies", kTransportDependency),
    any("requestedPermissions"),
}};
const Shape kServiceProduced = {{
    text("serName", kYes),
    one("serCategory", kCategory),
    text("version", kYes),
    one_or_many("transportsSupported", kTransportSupported),
}};
const Shape kFeature = {{text("featureName", kYes), text("version", kYes)}};

const Shape kTunnel = {{text("tunnelType", kYes), text("tunnelDstAddress", kYes),
                        text("tunnelSrcAddress", kYes), any("tunnelSpecificData")}};
const Shape kInterface = {{
    text("interfaceType", kYes),
    one("tunnelInfo", kTunnel),
    text("srcMACAddress"),
    text("dstMACAddress"),
    text("dstIPAddress"),
}};
const Shape kTrafficFilter = {{
    texts("srcAddress"),
    texts("dstAddress"),
    texts("srcPort"),
    texts("dstPort"),
    texts("protocol"),
    texts("tag"),
    texts("uri"),
    texts("packetLabel"),
    texts("srcTunnelAddress"),
    texts("tgtTunnelAddress"),
    texts("srcTunnelPort"),
    texts("dstTunnelPort"),
    integer("qCI", 0, 255),
    integer("dSCP", 0, 63),
    integer("tC", 0, 255),
}};
const Shape kTrafficRule = {{
    text("trafficRuleId", kYes),
    text("filterType", kYes),
    integer("priority", 0, 255, kYes),
    many("trafficFilter", kTrafficFilter, 1, kYes),
    text("action", kYes),
    one_or_many("dstInterface", kInterface),
}};
const Shape kDnsRule = {{
    text("dnsRuleId", kYes),
    text("domainName", kYes),
    text("ipAddressType", kYes),
    text("ipAddress", kYes),
    integer("ttl", 0, 2'147'483'647),
}};

const Shape kLatency = {{integer("maxLatency", 1, 4'294'967'295, kYes)}};  // nanoseconds
const Shape kTermination = {{number("minGracefulTerminationTimeout", 0, kDay, kYes),
                             number("maxRecommendedGracefulTerminationTimeout", 0, kDay),
                             texts("parameter")}};
const Shape kStop = {{number("minGracefulStopTimeout", 0, kDay, kYes),
                      number("maxRecommendedGracefulStopTimeout", 0, kDay), texts("parameter")}};
const Shape kContextTransfer = {
    {flag("statefulApplication", kYes), flag("userContextTransferSupport")}};
const Shape kSteered = {
    {flag("cellularNetwork"), flag("wi-fiNetwork"), flag("fixedAccessNetwork")}};
const Shape kNetworkPolicy = {{one("steeredNetwork", kSteered, kYes)}};
const Shape kMcio = {{text("name", kYes), text("type", kYes)}};

}  // namespace

const Shape& appd_shape() {
  static const Shape kAppD = {{
      text("appDId", kYes),
      text("appName", kYes),
      text("appProvider", kYes),
      text("appSoftVersion", kYes),
      text("appDVersion", kYes),
      texts("mecVersion", 1, kYes),
      text("appInfoName"),
      text("appDescription", kYes),
      one("virtualComputeDescriptor", kCompute),
      many("osContainerDescriptor", kContainer),
      one_or_many("swImageDescriptor", kSwImage, 1, kYes),
      many("virtualStorageDescriptor", kStorage),
      many("appExtCpd", kConnectionPoint),
      many("appServiceRequired", kServiceNeeded),
      many("appServiceOptional", kServiceNeeded),
      many("appServiceProduced", kServiceProduced),
      many("appFeatureRequired", kFeature),
      many("appFeatureOptional", kFeature),
      many("transportDependencies", kTransportDependency),
      many("appTrafficRule", kTrafficRule),
      many("appDNSRule", kDnsRule),
      one("appLatency", kLatency),
      one("terminateAppInstanceOpConfig", kTermination),
      one("changeAppInstanceStateOpConfig", kStop),
      one("userContextTransferCapability", kContextTransfer),
      one("appNetworkPolicy", kNetworkPolicy),
      text("mciopId"),
      one("mcioIdentificationData", kMcio),
      many("logicalNode", kNode),
      many("requestAdditionalCapabilities", kCapability),
      texts("mcioConstraintParams"),
  }};
  return kAppD;
}

}  // namespace sluice::app_package
