select content, identifier from auth_brands
