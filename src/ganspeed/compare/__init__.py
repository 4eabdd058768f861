"""Who is faster, by how much, and may we say so?"""
