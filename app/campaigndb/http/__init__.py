"""The stored functions over HTTP: the Supabase clients."""
