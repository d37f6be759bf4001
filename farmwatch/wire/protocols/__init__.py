"""Pure decoders over the first bytes of a flow or over one message: bytes in, frozen record or ``DecodeError`` out."""
