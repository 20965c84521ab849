/*
 * A Vulkan driver that is another one (HONEYBEE_VULKAN_DRIVER, the path of its library) under the name of SwiftShader: Chromium gives
 * WebGPU to a software adapter only when it is SwiftShader's vendor, device and type.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vulkan.h>

typedef PFN_vkVoidFunction (*GetProc)(VkInstance, const char *);

static void *in_driver(const char *name) {
	static void *driver;
	const char *path = getenv("HONEYBEE_VULKAN_DRIVER");
	if (!driver && path) driver = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	return driver ? dlsym(driver, name) : NULL;
}

static PFN_vkGetPhysicalDeviceProperties properties;
static PFN_vkGetPhysicalDeviceProperties2 properties2;

static void rename_device(VkPhysicalDeviceProperties *p) {
	p->deviceType = VK_PHYSICAL_DEVICE_TYPE_CPU;
	p->vendorID = 0x1AE0;
	p->deviceID = 0xC0DE;
}

static VKAPI_ATTR void VKAPI_CALL renamed(VkPhysicalDevice device, VkPhysicalDeviceProperties *p) {
	properties(device, p);
	rename_device(p);
}

static VKAPI_ATTR void VKAPI_CALL renamed2(VkPhysicalDevice device, VkPhysicalDeviceProperties2 *p) {
	properties2(device, p);
	rename_device(&p->properties);
}

static PFN_vkVoidFunction wrapped(const char *name, PFN_vkVoidFunction function) {
	if (!function) return NULL;
	if (!strcmp(name, "vkGetPhysicalDeviceProperties")) {
		properties = (PFN_vkGetPhysicalDeviceProperties)function;
		return (PFN_vkVoidFunction)renamed;
	}
	if (!strcmp(name, "vkGetPhysicalDeviceProperties2") || !strcmp(name, "vkGetPhysicalDeviceProperties2KHR")) {
		properties2 = (PFN_vkGetPhysicalDeviceProperties2)function;
		return (PFN_vkVoidFunction)renamed2;
	}
	return function;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetInstanceProcAddr(VkInstance instance, const char *name) {
	GetProc get = (GetProc)in_driver("vk_icdGetInstanceProcAddr");
	return get ? wrapped(name, get(instance, name)) : NULL;
}

VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL vk_icdGetPhysicalDeviceProcAddr(VkInstance instance, const char *name) {
	GetProc get = (GetProc)in_driver("vk_icdGetPhysicalDeviceProcAddr");
	return get ? wrapped(name, get(instance, name)) : NULL;
}

VKAPI_ATTR VkResult VKAPI_CALL vk_icdNegotiateLoaderICDInterfaceVersion(uint32_t *version) {
	VkResult (*negotiate)(uint32_t *) = in_driver("vk_icdNegotiateLoaderICDInterfaceVersion");
	return negotiate ? negotiate(version) : VK_ERROR_INCOMPATIBLE_DRIVER;
}
