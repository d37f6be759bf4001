"""Pure decoders of what hardware says about itself: EDID, HID report descriptors, USB descriptors. No I/O."""
